"""Gmail: inbox.md's routes, sending, and hearing what arrives, once each."""

from __future__ import annotations

import asyncio
import json
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
import pytest_asyncio
from plugins.google.tests.conftest import GMAIL, User, World
from yarl import URL

from rallypoint.errors import RetryLater
from rallypoint.testing.google import consent, rate_limited
from rallypoint.testing.google.mailbox import Mail
from rallypoint.testing.waiting import eventually

SEND = "/api/gmail/send"


def mail(subject: str = "Hello", text: str = "Said in words", **headers: str) -> EmailMessage:
    made = EmailMessage()
    given = {"From": "Jane Roe <jane@example.org>", "To": "mia@example.com", "Subject": subject}
    for name, value in {**given, "Message-ID": f"<{abs(hash(subject))}@example.org>", **headers}.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


@pytest_asyncio.fixture
async def reader(world: World, mia: User) -> User:
    """Mia with her mailbox, looked at once."""
    world.google.mailbox().deliver(mail("Before"))
    await mia.connect_gmail()

    async def looked() -> Any:
        return await world.rows(
            "SELECT id FROM scheduled_runs WHERE task = 'gmail' AND last_success_at IS NOT NULL"
        )

    await eventually(looked)
    return mia


async def received(world: World) -> list[Any]:
    rows = await world.rows("SELECT body FROM events WHERE type = 'email.received' ORDER BY subject, seq")
    return [json.loads(bytes(row["body"]))["data"] for row in rows]


def sent(world: World) -> list[tuple[Mail, Any]]:
    every = world.google.mailbox().messages.values()
    return [(one, message_from_bytes(one.raw, policy=default)) for one in every if "SENT" in one.labels]


async def test_connecting_is_as_documented(world: World, mia: User) -> None:
    assert await mia("GET", "/api/google/authorization?client=gmail") == (200, {"data": None})
    begun = await mia.ok("GET", "/api/google/auth?client=gmail&type=support")
    url = URL(begun["data"]["url"])
    assert url.query["redirect_uri"] == f"{world.url}/api/google/oauth"
    async with world.session.get(await consent(str(url))) as reply:
        assert (reply.status, await reply.json()) == (200, {"data": {"ok": True}})
    shown = (await mia.ok("GET", "/api/google/authorization?client=gmail"))["data"]
    assert (shown["email"], shown["client"], shown["state"]) == ("mia@example.com", "gmail", "connected")
    assert "token" not in json.dumps(shown)

    noa = await world.register("noa@example.com")
    assert (await noa("DELETE", f"/api/google/authorizations/{shown['id']}"))[0] == 404
    assert (await mia("DELETE", "/api/google/authorizations/nonsense"))[0] == 404
    assert await mia("DELETE", f"/api/google/authorizations/{shown['id']}") == (204, None)
    assert (await mia("DELETE", f"/api/google/authorizations/{shown['id']}"))[0] == 404


async def test_a_browser_is_sent_on_and_a_program_is_told(world: World, mia: User) -> None:
    async def back(**how: Any) -> URL:
        return await consent((await mia.ok("GET", "/api/google/auth"))["data"]["url"], **how)

    browser = {"Accept": "text/html,application/xhtml+xml"}
    async with world.session.get(await back(deny=True), headers=browser, allow_redirects=False) as reply:
        assert (reply.status, URL(reply.headers["Location"]).query_string) == (
            303,
            "error=google_auth_failed",
        )
    async with world.session.get(await back(deny=True)) as reply:
        assert reply.status == 400
        assert (await reply.json())["error"]["code"] == "OAUTH_FAILED"
    async with world.session.get(await back(), headers=browser, allow_redirects=False) as reply:
        assert (reply.status, URL(reply.headers["Location"]).query_string) == (303, "success=true")
    assert (await mia("GET", "/api/google/auth"))[0] == 409
    assert (await mia("GET", "/api/google/auth?client=sheets"))[0] == 422


async def test_what_arrives_is_told_once(world: World, reader: User) -> None:
    assert await received(world) == [], "what was there before is no news"
    message = mail("Grüße", "Liebe Mia,\n…", Cc="Kim <kim@example.org>", In_Reply_To="<earlier@example.com>")
    message.add_alternative("<p>Liebe Mia</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="rücken.pdf")
    kept = world.google.mailbox().deliver(message)
    for _ in range(3):
        await reader.sync(GMAIL)
    (told,) = await received(world)
    assert (told["id"], told["threadId"], told["mailbox"]) == (kept.id, kept.thread_id, "mia@example.com")
    assert told["from"] == {"email": "jane@example.org", "name": "Jane Roe"}
    assert told["cc"] == [{"email": "kim@example.org", "name": "Kim"}]
    assert (told["subject"], told["text"].strip(), told["html"].strip()) == (
        "Grüße",
        "Liebe Mia,\n…",
        "<p>Liebe Mia</p>",
    )
    assert told["inReplyTo"] == "<earlier@example.com>"
    assert [(one["filename"], one["mimeType"]) for one in told["attachments"]] == [
        ("rücken.pdf", "application/pdf")
    ]
    (event,) = await world.rows("SELECT * FROM events WHERE type = 'email.received'")
    connection = await reader.connection(GMAIL)
    assert (event["subject"], event["account_id"]) == (f"mailbox:{connection.id}", connection.account_id)
    assert json.loads(event["topics"]) == [f"user:{connection.user_id}"]


async def test_bulk_own_and_deleted_mail_is_no_news(world: World, reader: User) -> None:
    box = world.google.mailbox()
    for label in ("SPAM", "TRASH", "DRAFT", "SENT", "CATEGORY_PROMOTIONS"):
        box.deliver(mail(label), labels=("INBOX", label))
    box.remove(box.deliver(mail("gone")).id)
    await reader.sync(GMAIL)
    assert await received(world) == []


async def test_a_look_that_breaks_off_goes_on(world: World, reader: User) -> None:
    for number in range(230):
        world.google.mailbox().deliver(mail(f"Mail {number}"))
    world.google.fail(cut_after=50, path="/gmail/v1/users/me/messages/", skip=147, times=3)
    with pytest.raises(RetryLater):
        await reader.sync(GMAIL)
    assert 100 <= len(await received(world)) < 230
    world.google.requests.clear()
    await reader.sync(GMAIL)
    told = await received(world)
    assert sorted(one["subject"] for one in told) == sorted(f"Mail {number}" for number in range(230))
    assert len(world.google.requests) < 130, "what was told is not read again"


async def test_two_looks_at_once_tell_once(world: World, reader: User) -> None:
    for number in range(12):
        world.google.mailbox().deliver(mail(f"Mail {number}"))
    await asyncio.gather(*(reader.sync(GMAIL) for _ in range(3)))
    assert len(await received(world)) == 12


async def test_google_forgets_where_we_were(world: World, reader: User) -> None:
    box = world.google.mailbox()
    box.deliver(mail("Known"))
    await reader.sync(GMAIL)
    box.forget_history()
    for number in range(120):
        box.deliver(mail(f"Missed {number}"))
    box.deliver(mail("Spam"), labels=("SPAM",))
    await reader.sync(GMAIL)
    subjects = {one["subject"] for one in await received(world)} - {"Before"}  # it lies within the day before
    assert subjects == {"Known", *(f"Missed {number}" for number in range(120))}
    assert len(await received(world)) == 122
    box.deliver(mail("After"))
    await reader.sync(GMAIL)
    assert "After" in {one["subject"] for one in await received(world)}


@pytest.mark.parametrize(
    "fault", [{"status": 500, "times": 3}, {"status": 429}, rate_limited(403), {"body": "{}", "status": 200}]
)
async def test_google_away_loses_nothing(world: World, reader: User, fault: dict[str, Any]) -> None:
    world.google.mailbox().deliver(mail())
    world.google.fail(**fault, path="/gmail")
    with pytest.raises(RetryLater):
        await reader.sync(GMAIL)
    world.app.house.connections._http._paused.clear()
    await reader.sync(GMAIL)
    assert len(await received(world)) == 1


async def test_odd_mail_does_not_hold_up_the_rest(world: World, reader: User) -> None:
    box = world.google.mailbox()
    box.deliver(
        b"From: nobody\r\nSubject: =?utf-9?q?x?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\x00\xfe"
    )
    box.deliver(b"\r\n")
    box.deliver(
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>\r\n--x--\r\n"
    )
    box.deliver(mail("long", "x" * 300_000))
    await reader.sync(GMAIL)
    told = await received(world)
    assert len(told) == 4
    assert max(len(one["text"]) for one in told) <= 100_000
    assert "\x00" not in json.dumps(told)


async def test_a_message_is_sent(world: World, reader: User) -> None:
    body = {"to": "Jane Roe <jane@example.org>", "subject": "Grüße", "text": "Hallo", "html": "<p>Hallo</p>"}
    status, reply = await reader("POST", SEND, body)
    ((kept, message),) = sent(world)
    assert (status, reply["ok"], reply["data"]["id"]) == (200, True, kept.id)
    assert (message["To"], message["Subject"]) == ("Jane Roe <jane@example.org>", "Grüße")
    assert message.get_body(("plain",)).get_content().strip() == "Hallo"
    assert message.get_body(("html",)).get_content().strip() == "<p>Hallo</p>"
    await reader.ok(
        "POST",
        SEND,
        {"recipient": "jane@example.org", "subject": "", "message": "Hi", "bcc": ["k@example.org"]},
    )
    assert sent(world)[1][1]["Bcc"] == "k@example.org"
    again = [await reader("POST", SEND, body, Idempotency_Key="once") for _ in range(2)]
    assert again[0] == again[1]
    assert len(sent(world)) == 3
    await reader.sync(GMAIL)
    assert await received(world) == [], "what we send is no news"


async def test_an_answer_stays_in_its_conversation(world: World, reader: User) -> None:
    first = world.google.mailbox().deliver(
        mail("Question", References="<a@example.org> <b\xe4d> <c@example.org>")
    )
    await reader.ok("POST", SEND, {"to": "jane@example.org", "text": "Yes", "thread_id": first.thread_id})
    ((kept, answer),) = sent(world)
    assert kept.thread_id == first.thread_id
    assert (answer["Subject"], answer["In-Reply-To"]) == ("Re: Question", first.parsed["Message-ID"])
    assert answer["References"] == f"<a@example.org> <c@example.org> {first.parsed['Message-ID']}"
    status, refused = await reader("POST", SEND, {"to": "a@example.org", "text": "x", "thread_id": "unknown"})
    assert (status, list(refused["errors"])) == (422, ["thread_id"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": None}, "to"),
        ({"to": ""}, "to"),
        ({"to": "nobody"}, "to"),
        ({"to": ["a@example.org", "b"]}, "to"),
        ({"to": "a@example.org\r\nBcc: all@example.org"}, "to"),
        ({"cc": ["x"]}, "cc"),
        ({"subject": None}, "subject"),
        ({"subject": "x\r\nBcc: all@example.org"}, "subject"),
        ({"text": None}, "text"),
        ({"text": 7}, "text"),
        ({"thread_id": "../x"}, "thread_id"),
    ],
)
async def test_bad_messages_are_refused(world: World, reader: User, change: Any, field: str) -> None:
    body = {"to": "jane@example.org", "subject": "x", "text": "x", **change}
    status, refused = await reader("POST", SEND, body)
    assert (status, list(refused["errors"])) == (422, [field]), refused
    assert sent(world) == []


async def test_without_a_mailbox_nothing_is_sent(world: World, mia: User) -> None:
    body = {"to": "jane@example.org", "subject": "x", "text": "x"}
    status, refused = await mia("POST", SEND, body)
    assert (status, refused["error"]["message"]) == (403, "Gmail is not connected")
    await mia.connect_gmail()
    world.google.fail(503, path="/gmail", times=9)
    assert (await mia("POST", SEND, body))[0] == 503
    world.google.faults.clear()
    world.app.house.connections._http._breakers.clear()
    world.google.fail(400, body='{"error": {"errors": [{"reason": "invalid"}]}}', path="/gmail")
    assert (await mia("POST", SEND, body))[0] == 422
    world.google.grants.withdraw("mia@example.com")
    assert (await mia("POST", SEND, body))[0] == 403
    assert (await mia.connection(GMAIL)).state == "needs_reauth"
    assert await world.told("connection.needs_reauth") == 1


async def test_another_account_begins_anew_and_a_removed_one_is_forgotten(world: World, reader: User) -> None:
    world.google.mailbox().deliver(mail("Mia's"))
    await reader.sync(GMAIL)
    connection = await reader.connection(GMAIL)
    await world.app.house.connections.mark_needs_reauth(connection, "test")
    world.google.mailbox("noa@example.com").deliver(mail("Old of Noa"))
    await reader.connect_gmail("noa@example.com")
    await reader.sync(GMAIL)
    world.google.mailbox("noa@example.com").deliver(mail("Noa's"))
    await reader.sync(GMAIL)
    assert [one["subject"] for one in await received(world)] == ["Mia's", "Noa's"]
    await reader.ok("DELETE", f"/api/google/authorizations/{connection.id}")

    async def left() -> Any:
        return await world.rows(
            "SELECT connection_id FROM google_mails UNION SELECT connection_id FROM google_mailboxes"
        )

    await eventually(left, lambda rows: not rows)
