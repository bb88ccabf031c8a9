"""Messages as their account sees them: states, timelines, and another try of what failed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rallypoint.domains.mailer import records
from rallypoint.domains.mailer.sealing import Sealer
from rallypoint.domains.mailer.service import DRAIN
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.errors import NotFound
from rallypoint.identity.api import Mode
from rallypoint.jobs.api import Jobs
from rallypoint.security.vault import VaultError
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row
from rallypoint.storage.ids import is_id

Document = dict[str, Any]


class History:
    """The messages of all accounts; callers pass theirs.

    Args:
        database: Where they are.
        jobs: Woken for another try.
        sealer: Reads them.
        settings: Say when a message is given up.
    """

    def __init__(self, database: Database, jobs: Jobs, sealer: Sealer, settings: MailerSettings) -> None:
        self._database, self._jobs, self._sealer, self._settings = database, jobs, sealer, settings

    async def page(
        self, account_id: str, mode: Mode, *, before: str, limit: int, state: str | None = None
    ) -> list[Document]:
        """Return up to ``limit`` messages, newest first, older than the one ``before``."""
        chosen, args = ("", []) if state is None else (" AND state = ?", [state])
        rows = await self._database.fetch(
            "SELECT * FROM mailer_messages WHERE account_id = ? AND mode = ? AND id < ?"  # noqa: S608 - a constant
            f"{chosen} ORDER BY id DESC LIMIT ?",
            account_id,
            mode,
            before or "g",  # above every id in any collation
            *args,
            limit,
        )
        return [self._document(row) for row in rows]

    async def get(self, account_id: str, mode: Mode, message_id: str) -> Document:
        """Return a message with its timeline; with its content when it is of the sandbox.

        Raises:
            NotFound: The account has none such.
        """
        row = await self._row(account_id, mode, message_id)
        tries = await self._database.fetch(
            "SELECT * FROM mailer_attempts WHERE message_id = ? ORDER BY id", message_id
        )
        content = self._content(row) if mode == "sandbox" else None
        return {**self._document(row), "timeline": _timeline(row, tries), "content": content}

    async def retry(self, account_id: str, mode: Mode, message_id: str) -> Document:
        """Put a failed message at the end of its lane again, and return it.

        Raises:
            NotFound: The account has none such.
            Conflict: It has not failed.
        """
        await self._row(account_id, mode, message_id)
        async with self._database.transaction() as tx:
            await records.requeue(tx, message_id, clock.now() + round(self._settings.give_up_after * 1000))
            tx.after_commit(partial(self._jobs.wake, DRAIN))
        return await self.get(account_id, mode, message_id)

    async def _row(self, account_id: str, mode: Mode, message_id: str) -> Row:
        row = None
        if is_id(message_id):
            row = await self._database.fetch_one(
                "SELECT * FROM mailer_messages WHERE id = ? AND account_id = ? AND mode = ?",
                message_id,
                account_id,
                mode,
            )
        if row is None:
            raise NotFound("There is no such message")
        return row

    def _document(self, row: Row) -> Document:
        try:
            envelope = self._sealer.open_envelope(row["envelope"])
            shown = {"to": list(envelope.to), "cc": list(envelope.cc), "subject": envelope.subject}
        except VaultError:
            shown = {"to": [], "cc": [], "subject": "(encrypted with a key that is gone)"}
        return {
            "id": row["id"],
            "key": row["message_key"],
            "state": row["state"],
            **shown,
            "attempts": row["attempts"],
            "error": row["error"] or None,
            "next_attempt_at": clock.rfc3339_or_none(row["next_at"]),
            "created_at": clock.rfc3339(row["created_at"]),
            "finished_at": clock.rfc3339_or_none(row["finished_at"]),
        }

    def _content(self, row: Row) -> Document | None:
        try:
            email, _ = self._sealer.open(row["envelope"], row["content"])
        except VaultError:
            return None
        return {"text": email.text, "html": email.html, "calendar": email.calendar.decode()}


def _timeline(row: Row, tries: Sequence[Row]) -> list[Document]:
    begun = "queued" if row["mode"] == "live" else "recorded"
    return [
        _step(row["created_at"], begun, None, None, ""),
        *(
            _step(each["at"], each["outcome"], each["transport"], each["duration_ms"], each["detail"])
            for each in tries
        ),
        *([_step(row["finished_at"], "withdrawn", None, None, "")] if row["state"] == "withdrawn" else []),
    ]


def _step(at: int, what: str, transport: str | None, duration_ms: int | None, detail: str) -> Document:
    return {
        "at": clock.rfc3339(at),
        "what": what,
        "transport": transport,
        "duration_ms": duration_ms,
        "detail": detail or None,
    }
