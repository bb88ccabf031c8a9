"""The plugin in a real server process: installed, configured by variables, killed while mail waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from plugins.mail.tests.conftest import SENDER, Mailbox

from rallypoint.testing.server import ServerProcess
from rallypoint.testing.waiting import eventually
from rallypoint_mail.fake import SendGridFake

pytestmark = pytest.mark.slow
BODY = {
    "userEmail": "ben@example.com",
    "title": "Therapy session",
    "date": "2030-01-10",
    "time": "9:00 AM",
    "duration": 60,
}


async def test_what_was_acknowledged_is_sent_after_a_kill(
    mailbox: Mailbox, rallypoint_server: Callable[..., ServerProcess]
) -> None:
    mailbox.stop()
    server = await asyncio.to_thread(
        rallypoint_server,
        RALLYPOINT_MAIL_FROM=SENDER,
        RALLYPOINT_MAIL_SMTP_HOST="127.0.0.1",
        RALLYPOINT_MAIL_SMTP_PORT=str(mailbox.port),
        RALLYPOINT_RATE_LIMITS="off",
    )
    token = await asyncio.to_thread(server.register, "ada@example.com")
    for number in range(5):
        body = {**BODY, "title": f"Session {number}"}
        status, _ = await asyncio.to_thread(
            server.request, "POST", "/api/create-calendar-event", body, token=token
        )
        assert status == 200
    await asyncio.to_thread(server.kill)
    mailbox.start()
    await asyncio.to_thread(server.start)

    async def received() -> Any:
        return mailbox.received if len(mailbox.received) == 5 else None

    got = await eventually(received, seconds=60)
    assert sorted(mail.message["Subject"] for mail in got) == [
        f"Calendar Invitation: Session {number}" for number in range(5)
    ]
    log = server.log.read_text()
    assert "ben@example.com" not in log
    assert "Session" not in log


async def test_the_documented_variables_alone(rallypoint_server: Callable[..., ServerProcess]) -> None:
    """booking.md's EMAIL_SERVICE and SENDGRID_API_KEY, beside what points the server at the stand-in."""
    async with SendGridFake() as fake:
        server = await asyncio.to_thread(
            rallypoint_server,
            EMAIL_SERVICE="sendgrid",
            SENDGRID_API_KEY=fake.key,
            RALLYPOINT_MAIL_FROM="desk@example.org",
            RALLYPOINT_MAIL_SENDGRID_URL=f"{fake.url}/v3",
        )
        token = await asyncio.to_thread(server.register, "ada@example.com")
        reply = await asyncio.to_thread(
            server.request, "POST", "/api/create-calendar-event", BODY, token=token
        )
        assert reply[0] == 200

        async def sent() -> Any:
            return fake.sent

        (message,) = await eventually(sent)
        assert message.recipients == ("ben@example.com",)
