"""Google's own client, unchanged, finds in the stand-in what it looks for at Google."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from core.testing.google.conftest import Asker
from rallypoint.testing.google import CLIENT, GoogleFake

pytestmark = pytest.mark.filterwarnings("default")


@contextmanager
def client(google: GoogleFake, name: str, token: str, **more: str) -> Iterator[Any]:
    file = f"googleapiclient/discovery_cache/documents/{name}.json"
    document = json.loads(Path(str(distribution("google-api-python-client").locate_file(file))).read_text())
    document |= {"rootUrl": f"{google.url}/", "baseUrl": f"{google.url}/{document['servicePath']}"}
    document.pop("mtlsRootUrl", None)
    http = AuthorizedHttp(Credentials(token, **more), http=httplib2.Http(timeout=10))
    with build_from_document(document, http=http) as service:
        yield service


async def run(call: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(call)


async def test_calendar(mia: Asker, google: GoogleFake, meeting: dict[str, Any]) -> None:
    with client(google, "calendar.v3", mia.token) as service:
        await through_the_client(service.events(), google, meeting)


async def through_the_client(events: Any, google: GoogleFake, meeting: dict[str, Any]) -> None:
    conference = {"createRequest": {"requestId": "r", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}
    body = {**meeting, "conferenceData": conference}
    made = await run(events.insert(calendarId="primary", body=body, conferenceDataVersion=1).execute)
    assert made["hangoutLink"].startswith("https://meet.google.com/")
    for number in range(3):
        google.calendar().insert({**meeting, "summary": str(number)})

    def everything() -> tuple[list[str], str]:
        seen, request = [], events.list(calendarId="primary", singleEvents=True, maxResults=2)
        while request is not None:
            page = request.execute()
            seen += [event["summary"] for event in page["items"]]
            request = events.list_next(request, page)
        return seen, page["nextSyncToken"]

    seen, token = await run(everything)
    assert seen == ["Tea", "0", "1", "2"]
    await run(events.patch(calendarId="primary", eventId=made["id"], body={"summary": "Coffee"}).execute)
    changed = await run(events.list(calendarId="primary", singleEvents=True, syncToken=token).execute)
    assert [event["summary"] for event in changed["items"]] == ["Coffee"]
    await run(events.delete(calendarId="primary", eventId=made["id"]).execute)
    with pytest.raises(HttpError) as refusal:
        await run(events.delete(calendarId="primary", eventId=made["id"]).execute)
    assert refusal.value.resp.status == 410
    assert "Resource has been deleted" in refusal.value.reason


async def test_a_token_that_expires_is_refreshed(ask: Asker, google: GoogleFake) -> None:
    tokens = await ask.sign_in()
    google.grants.expire_access()
    more = {
        "refresh_token": tokens["refresh_token"],
        "token_uri": f"{google.url}/token",
        "client_id": CLIENT.id,
        "client_secret": CLIENT.secret,
    }
    with client(google, "calendar.v3", tokens["access_token"], **more) as service:
        listed = await run(service.events().list(calendarId="primary").execute)
    assert listed["items"] == []
    assert google.grants.token_requests["refresh_token"] == 1
