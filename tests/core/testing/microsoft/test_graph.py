"""The stand-in refuses what Graph refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rallypoint.testing.microsoft import MIA, NOA
from support.graph import graph_document

TEA = {
    "subject": "Tea",
    "start": {"dateTime": "2027-01-01T10:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2027-01-01T11:00:00", "timeZone": "W. Europe Standard Time"},
}
LATE = {**TEA, "end": {"dateTime": "2027-01-01T13:00:00", "timeZone": "W. Europe Standard Time"}}
BACKWARDS = "ErrorCalendarEndDateIsEarlierThanStartDate"
VIEW = "/me/calendarView/delta?startDateTime=2026-12-01T00:00:00Z&endDateTime=2027-02-01T00:00:00Z"


def code(reply: tuple[int, Any]) -> tuple[int, str]:
    return reply[0], reply[1]["error"]["code"]


async def test_tokens_scopes_and_refreshing(stranger):
    assert code(await stranger("GET", "/me")) == (401, "InvalidAuthenticationToken")
    issued = await stranger.sign_in("User.Read")
    assert "refresh_token" not in issued, "offline_access was not asked for"
    assert issued["scope"] == "https://graph.microsoft.com/User.Read"
    assert (await stranger("GET", "/me?$select=mail"))[1] == {"mail": MIA}
    assert code(await stranger("GET", f"{VIEW}")) == (403, "ErrorAccessDenied")
    first = (await stranger.sign_in())["refresh_token"]
    for _ in range(2):  # Microsoft's old ones go on being taken
        status, again = await stranger.form(grant_type="refresh_token", refresh_token=first)
        assert (status, again["refresh_token"] != first) == (200, True)
    stranger.fake.books.end(MIA)
    status, refused = await stranger.form(grant_type="refresh_token", refresh_token=first)
    assert (status, refused["error"]) == (400, "invalid_grant")
    with pytest.raises(RuntimeError, match="AADSTS70011"):
        await stranger.sign_in("Files.ReadWrite.All")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"nonsense": 1}, "ErrorInvalidRequest"),
        ({"id": "x"}, "ErrorInvalidRequest"),
        ({"subject": 7}, "RequestBodyRead"),
        ({"subject": "x" * 256}, "RequestBodyRead"),
        ({"showAs": "sleeping"}, "RequestBodyRead"),
        ({"body": {"contentType": "markdown", "content": ""}}, "RequestBodyRead"),
        ({"attendees": [{"emailAddress": {"address": "nobody"}}]}, "ErrorInvalidRecipients"),
        ({"end": {"dateTime": "2027-01-01T10:00:00", "timeZone": "UTC"}, "isAllDay": True}, "ErrorInvalidRequest"),
        ({"start": {"dateTime": "2027-01-01T10:00:00", "timeZone": "Moon"}}, "TimeZoneNotSupportedException"),
        ({"start": {"dateTime": "noon", "timeZone": "UTC"}}, "RequestBodyRead"),
        ({"start": {"dateTime": "2028-01-01T10:00:00", "timeZone": "UTC"}}, BACKWARDS),
        ({"singleValueExtendedProperties": [{"id": "key", "value": "x"}]}, "ErrorInvalidProperty"),
    ],
)  # fmt: skip
async def test_events_that_are_none(mia, changes, word):
    assert code(await mia("POST", "/me/events", {**LATE, **changes})) == (400, word)
    assert not mia.fake.calendar().events


async def test_the_wrong_way_round_counts_zones(mia):
    reply = await mia("POST", "/me/events", TEA)
    assert reply[0] == 201, "eleven in Vienna is ten in UTC"


async def test_an_order_is_carried_out_once(mia):
    order = {**LATE, "transactionId": "order-1"}
    first, again = [(await mia("POST", "/me/events", order)) for _ in range(2)]
    assert (first[0], again[0], first[1]["id"]) == (201, 201, again[1]["id"])
    other = await mia("POST", "/me/events", {**order, "subject": "Coffee"})
    assert code(other) == (409, "ErrorDuplicateTransactionId")
    assert code(await mia("PATCH", f"/me/events/{first[1]['id']}", {"transactionId": "x"}))[0] == 400


async def test_changes_on_condition(mia):
    event = (await mia("POST", "/me/events", LATE))[1]
    path = f"/me/events/{event['id']}"
    changed = await mia("PATCH", path, {"subject": "Coffee"}, If_Match=event["@odata.etag"])
    assert (changed[0], changed[1]["subject"]) == (200, "Coffee")
    assert code(await mia("PATCH", path, {"subject": "Milk"}, If_Match=event["@odata.etag"])) == (
        412,
        "ErrorIrresolvableConflict",
    )
    assert await mia("DELETE", path) == (204, None)
    for method in ("GET", "DELETE"):
        assert code(await mia(method, path)) == (404, "ErrorItemNotFound")


async def test_texts_and_times_as_preferred(mia):
    body = {"contentType": "text", "content": "<b> & co"}
    event = (await mia("POST", "/me/events", {**LATE, "body": body}))[1]
    path = f"/me/events/{event['id']}"
    plain = (await mia("GET", path))[1]
    assert plain["body"]["contentType"] == "html"
    assert "&lt;b&gt;" in plain["body"]["content"]
    assert plain["start"] == {"dateTime": "2027-01-01T10:00:00.0000000", "timeZone": "UTC"}
    prefer = 'outlook.timezone="Nepal Standard Time", outlook.body-content-type="text"'
    shown = (await mia("GET", path, prefer=prefer))[1]
    assert shown["body"] == body
    assert shown["start"]["dateTime"] == "2027-01-01T15:45:00.0000000"


@pytest.mark.parametrize("more", ["&$select=id", "&$top=5", "&$expand=instances", "&$filter=x"])
async def test_what_delta_does_not_support(mia, more):
    assert code(await mia("GET", VIEW + more)) == (400, "ErrorInvalidRequest")
    assert code(await mia("GET", "/me/calendarView/delta"))[0] == 400


async def test_a_round_of_changes(mia):
    for number in range(5):
        await mia("POST", "/me/events", {**LATE, "subject": str(number)})
    seen, link = [], VIEW
    while "$deltatoken" not in link:
        reply = (await mia("GET", link, prefer="odata.maxpagesize=2"))[1]
        seen += [one["subject"] for one in reply["value"]]
        link = reply.get("@odata.nextLink") or reply["@odata.deltaLink"]
    assert seen == list("01234")
    (first, second, *_rest) = mia.fake.calendar().events
    mia.fake.calendar().delete(first)
    mia.fake.calendar().merge(second, {"subject": "changed"})
    reply = (await mia("GET", link))[1]
    assert {one["id"]: one.get("@removed", one.get("subject")) for one in reply["value"]} == {
        first: {"reason": "deleted"},
        second: "changed",
    }
    mia.fake.calendar().forget()
    assert code(await mia("GET", link)) == (410, "SyncStateNotFound")


async def test_a_mailbox_serves_four_at_a_time(mia):
    mia.fake.calendar().teams_after = 0
    event = (await mia("POST", "/me/events", LATE))[1]
    grants = [mia("GET", f"/me/events/{event['id']}") for _ in range(4)]
    assert {status for status, _ in await asyncio.gather(*grants)} == {200}
    assert mia.fake.graph.at_once <= 4


async def test_calendars_are_private(mia):
    noas = mia.fake.calendar(NOA).insert(LATE)
    assert code(await mia("GET", f"/me/events/{noas['id']}")) == (404, "ErrorItemNotFound")


@pytest.mark.parametrize(
    "changes",
    [
        {"expirationDateTime": "2020-01-01T00:00:00Z"},
        {"expirationDateTime": "2040-01-01T00:00:00Z"},
        {"expirationDateTime": "soon"},
        {"resource": "me/messages"},
        {"changeType": "created,moved"},
        {"clientState": "x" * 129},
        {"clientState": None},
        {"notificationUrl": "ftp://example.com"},
        {"includeResourceData": True},
    ],
)
async def test_subscriptions_that_are_none(mia, changes):
    from datetime import UTC, datetime, timedelta

    body = {
        "changeType": "created",
        "notificationUrl": "http://127.0.0.1:9/none",
        "resource": "me/events",
        "expirationDateTime": (datetime.now(UTC) + timedelta(days=2)).isoformat(),
        "clientState": "x",
    }
    refused = await mia("POST", "/subscriptions", {**body, **changes})
    assert code(refused) == (400, "ValidationError")
    assert not mia.fake.subscriptions.open


async def test_the_document_knows_what_graph_takes():
    """That Microsoft's description is read rightly: it takes what we send and refuses what is wrong."""
    document = graph_document()
    assert document.request_problems("POST", "/me/events", {}, {**LATE, "transactionId": "x"}) == []
    wrong = {**LATE, "subject": 7, "onlineMeetingProvider": "zoom", "nonsense": True}
    assert len(document.request_problems("POST", "/me/events", {}, wrong)) == 3
    assert document.request_problems("GET", "/me", {"$select": "id,mail"}, None) == []
    assert document.request_problems("GET", "/me", {"$select": "shoes"}, None) == [
        "$select: shoes is unknown"
    ]
    assert document.request_problems("GET", "/me/nothing", {}, None)
    assert document.request_problems("DELETE", "/subscriptions/x", {}, {"a": 1}) == ["no body is taken"]
    assert document.request_problems("POST", "/subscriptions", {}, {"expirationDateTime": "soon"})
