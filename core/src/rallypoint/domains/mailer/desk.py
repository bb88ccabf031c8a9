"""What the command line does with the queue: of all accounts, beside a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from rallypoint.domains.mailer.api import Email
from rallypoint.domains.mailer.history import Document, History
from rallypoint.domains.mailer.sealing import Sealer
from rallypoint.domains.mailer.service import MailService
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.errors import NotFound
from rallypoint.identity.api import Mode
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.security.vault import Vault
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row
from rallypoint.storage.ids import new_id

_LOOK_SECONDS = 0.5
_TEST = "Mail from this Rallypoint server arrives."


class Desk:
    """The queue as the operator sees it.

    Args:
        database: Open.
        vault: Reads messages.
        settings: Of the mailer.
    """

    def __init__(self, database: Database, vault: Vault, settings: MailerSettings) -> None:
        self._database = database
        jobs, sealer = EmbeddedJobs(), Sealer(vault)  # not started: the server's sweep finds the rows
        self._history = History(database, jobs, sealer, settings)
        self._service = MailService(database, jobs, sealer, settings)

    async def list(self, state: str | None, limit: int) -> Sequence[tuple[Any, ...]]:
        """Return the newest messages: id, state, creation, tries, next try, key, error."""
        where, args = ("", []) if state is None else (" WHERE state = ?", [state])
        rows = await self._database.fetch(
            f"SELECT * FROM mailer_messages{where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - a constant
            *args,
            limit,
        )
        return [
            (
                row["id"],
                row["state"],
                clock.rfc3339(row["created_at"]),
                row["attempts"],
                clock.rfc3339_or_none(row["next_at"]) or "-",
                row["message_key"],
                row["error"],
            )
            for row in rows
        ]

    async def show(self, message_id: str) -> Document:
        """Return a message with its timeline.

        Raises:
            NotFound: There is none such.
        """
        row = await self._row(message_id)
        return await self._history.get(row["account_id"], cast(Mode, row["mode"]), message_id)

    async def retry(self, message_id: str) -> Document:
        """Put a failed message back into the queue.

        Raises:
            NotFound: There is none such.
            Conflict: It has not failed.
        """
        row = await self._row(message_id)
        return await self._history.retry(row["account_id"], cast(Mode, row["mode"]), message_id)

    async def send_test(self, address: str, seconds: float) -> Document:
        """Queue a message of the server itself, and wait until something came of it.

        Args:
            address: Who gets it.
            seconds: How long to wait.

        Raises:
            ValidationFailed: It is no address.
        """
        id_ = await self._service.send(
            account_id="",
            mode="live",
            key=f"test/{new_id()}",
            email=Email((address,), "Test message", f"{_TEST}\n", f"<p>{_TEST}</p>\n"),
        )
        document: Document = {}
        for _ in range(max(1, round(seconds / _LOOK_SECONDS))):
            document = await self._history.get("", "live", id_)
            if document["state"] != "queued" or document["error"]:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        detail = document["timeline"][-1]["detail"] or "no server took it up yet"
        return {**document, "detail": detail}

    async def _row(self, message_id: str) -> Row:
        row = await self._database.fetch_one("SELECT * FROM mailer_messages WHERE id = ?", message_id)
        if row is None:
            raise NotFound("There is no such message")
        return row
