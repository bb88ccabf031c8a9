"""A mailer of the test's own beside the server's, whose transport does what the test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rallypoint.app import App
from rallypoint.domains.mailer.api import Email, Handover, MailTransport, OutgoingMail
from rallypoint.domains.mailer.domain import MailerDomain
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.plugins.collect import make_context
from rallypoint.storage.database import Row
from rallypoint.storage.ids import new_id

LIVE: Any = "live"


class Post:
    """A mailer, and a transport that keeps what it is handed or raises what it is told to."""

    def __init__(self, app: App, **settings: Any) -> None:
        self.house = app.house
        own = MailerSettings(_env_file=None, **settings)
        self.domain = MailerDomain(make_context("mailer", app.house.kernel, own))
        self.domain.transports = [MailTransport("test", "Desk <desk@example.org>", self._send)]
        self.account = new_id()
        self.sent: list[OutgoingMail] = []
        self.tries: list[str] = []
        self.answer: Callable[[OutgoingMail], Handover | Exception] = lambda _mail: Handover("taken")

    async def _send(self, mail: OutgoingMail) -> Handover:
        self.tries.append(mail.email.subject)
        answer = self.answer(mail)
        if isinstance(answer, Exception):
            raise answer
        self.sent.append(mail)
        return answer

    async def put(self, subject: str, lane: str = "", *, key: str = "", mode: Any = LIVE) -> str:
        return await self.domain.service.send(
            account_id=self.account, mode=mode, key=key or subject, email=email(subject), lane=lane
        )

    async def run(self) -> None:
        await self.domain.drain.run()

    async def hurry(self) -> None:
        """Let time pass: what waits is due, and the transport may be asked again."""
        self.domain.drain.pause._until = 0.0
        async with self.house.database.transaction() as tx:
            await tx.execute("UPDATE mailer_messages SET next_at = 0 WHERE next_at IS NOT NULL")

    async def rows(self) -> Sequence[Row]:
        return await self.house.database.fetch(
            "SELECT * FROM mailer_messages WHERE account_id = ? ORDER BY id", self.account
        )

    async def states(self) -> dict[str, str]:
        return {row["message_key"]: row["state"] for row in await self.rows()}

    @property
    def subjects(self) -> list[str]:
        return [mail.email.subject for mail in self.sent]


def email(subject: str, **parts: Any) -> Email:
    return Email(**{"to": ("ada@example.com",), "subject": subject, "text": "Hello", **parts})


@pytest.fixture
def post(app: App) -> Post:
    return Post(app)
