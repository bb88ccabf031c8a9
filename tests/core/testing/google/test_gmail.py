"""The mailbox takes and refuses what Gmail's does."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio

from core.testing.google.conftest import EMAIL, GMAIL, Asker
from rallypoint.testing.google import GoogleFake

ME = "/gmail/v1/users/me"


def mail(subject: str = "Hello", **headers: str) -> EmailMessage:
    made = EmailMessage()
    given = {
        "From": "Jane <jane@example.org>",
        "To": "mia@example.com",
        "Message-ID": f"<{ascii(subject)[1:-1]}@example.org>",
    }
    for name, value in {**given, "Subject": subject, **headers}.items():
        made[name] = value
    made.set_content(f"{subject}, said in words\n")
    return made


def raw(message: EmailMessage) -> str:
    return base64.urlsafe_b64encode(message.as_bytes()).decode()


@pytest_asyncio.fixture
async def reader(ask: Asker) -> Asker:
    await ask.sign_in(f"openid {EMAIL} {GMAIL}")
    return ask


async def test_history_tells_what_is_new(reader: Asker, google: GoogleFake) -> None:
    _, profile = await reader("GET", f"{ME}/profile")
    assert profile["emailAddress"] == "mia@example.com"
    first = google.mailbox().deliver(mail("One"))
    google.mailbox().deliver(mail("Two"), labels=("SPAM",))
    google.mailbox().remove(google.mailbox().deliver(mail("Three")).id)
    query = {"startHistoryId": profile["historyId"], "historyTypes": "messageAdded", "maxResults": "1"}
    _, page = await reader("GET", f"{ME}/history", **query)
    (added,) = page["history"][0]["messagesAdded"]
    assert (added["message"]["id"], "INBOX" in added["message"]["labelIds"]) == (first.id, True)
    query |= {"startHistoryId": page["history"][0]["id"], "maxResults": "500"}
    _, rest = await reader("GET", f"{ME}/history", **query)
    assert [len(record["messagesAdded"]) for record in rest["history"]] == [1, 1]
    _, none = await reader("GET", f"{ME}/history", **{**query, "startHistoryId": rest["historyId"]})
    assert "history" not in none
    google.mailbox().forget_history()
    assert (await reader("GET", f"{ME}/history", **query))[0] == 404
    assert (await reader("GET", f"{ME}/history"))[0] == 400


async def test_messages_are_shown_in_parts(reader: Asker, google: GoogleFake) -> None:
    message = mail("Grüße")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    kept = google.mailbox().deliver(message)
    _, whole = await reader("GET", f"{ME}/messages/{kept.id}")
    (alternative, attachment) = whole["payload"]["parts"]
    assert [part["mimeType"] for part in alternative["parts"]] == ["text/plain", "text/html"]
    assert (attachment["filename"], "data" in attachment["body"]) == ("a.pdf", False)
    _, form = await reader("GET", f"{ME}/messages/{kept.id}", format="raw")
    assert base64.urlsafe_b64decode(form["raw"]) == kept.raw
    _, form = await reader("GET", f"{ME}/messages/{kept.id}", format="minimal")
    assert "payload" not in form
    assert (await reader("GET", f"{ME}/messages/unknown"))[0] == 404
    _, found = await reader("GET", f"{ME}/messages", q=f"after:{kept.at // 1000 - 5}", labelIds="INBOX")
    assert [one["id"] for one in found["messages"]] == [kept.id]


async def test_an_answer_joins_its_conversation(reader: Asker, google: GoogleFake) -> None:
    asked = google.mailbox().deliver(mail("Question"))
    headers = {"From": "mia@example.com", "To": "jane@example.org", "Message-ID": "<answer@example.com>"}
    answer = mail("Re: Question", **headers, References="<Question@example.org>")
    status, sent = await reader(
        "POST", f"{ME}/messages/send", {"raw": raw(answer), "threadId": asked.thread_id}
    )
    assert (status, sent["threadId"], sent["labelIds"]) == (200, asked.thread_id, ["SENT"])
    _, thread = await reader("GET", f"{ME}/threads/{asked.thread_id}", format="metadata")
    assert [one["id"] for one in thread["messages"]] == [asked.id, sent["id"]]
    _, strayed = await reader(
        "POST", f"{ME}/messages/send", {"raw": raw(mail("Other", **headers)), "threadId": asked.thread_id}
    )
    assert strayed["threadId"] != asked.thread_id


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"raw": "not base64!"}, 400),
        ({"raw": base64.urlsafe_b64encode(b"Subject: to nobody\r\n\r\n.").decode()}, 400),
        ({"raw": raw(mail()), "threadId": "unknown"}, 404),
        ({"rwa": ""}, 400),
    ],
)
async def test_bad_messages_are_refused(reader: Asker, body: Any, status: int) -> None:
    assert (await reader("POST", f"{ME}/messages/send", body))[0] == status


async def test_mail_needs_its_own_consent(mia: Asker) -> None:
    assert (await mia("GET", f"{ME}/profile"))[0] == 403
    await mia.sign_in(GMAIL)
    assert (await mia("GET", "/gmail/v1/users/noa@example.com/profile"))[0] == 403
