"""What was said of each appointment last, so that the next word is one more and goes to the same people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from rallypoint.domains.booking.api import AppointmentView
from rallypoint.sdk import Mode, PluginContext

KEPT_MS = 90 * 86_400_000
"""How long after its end an appointment's record is kept: nothing is said of it any more."""
_FIND = "SELECT * FROM mail_invitations WHERE account_id = ? AND mode = ? AND appointment_id = ?"


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody asked to be written in place of the appointment's own; empty for those."""

    to: str = ""
    cc: str = ""
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """The last word on an appointment.

    Args:
        sequence: Of iCalendar.
        digest: Of what it said.
        to: Who got it, the customer first; nobody once it is cancelled.
    """

    sequence: int = -1
    digest: str = ""
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of an appointment.

    Args:
        uid: Of its iCalendar objects.
        told: The last word, which may still be in the queue.
        before: The word before that, which counts again when the last one is withdrawn.
        key: Of the message with the last word; empty when it was more than one.
        words: Of a request, for every later word too.
    """

    uid: str
    told: Told = field(default_factory=Told)
    before: Told = field(default_factory=Told)
    key: str = ""
    words: Words = field(default_factory=Words)


class Tx(Protocol):
    """A transaction of the core's database."""

    async def lock(self, sql: str, *args: Any) -> Mapping[str, Any] | None:
        """Return a row, held."""
        ...

    async def hold(self, name: str) -> None:
        """Hold a name."""
        ...

    async def execute(self, sql: str, *args: Any) -> int:
        """Run a statement."""
        ...


class Records:
    """The table ``mail_invitations``.

    Args:
        ctx: The plugin's.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._database, self._vault = ctx.kernel.database, ctx.kernel.vault

    async def find(self, tx: Tx, account_id: str, mode: Mode, appointment_id: int) -> Record | None:
        """Return what is known of an appointment, held until the transaction ends; None when nothing is."""
        await tx.hold(f"mail/{account_id}/{mode}/{appointment_id}")
        row = await tx.lock(_FIND, account_id, mode, appointment_id)
        if row is None:
            return None
        kept = json.loads(self._vault.decrypt(row["sealed"]))
        told, before = (Told(**{**kept[name], "to": tuple(kept[name]["to"])}) for name in ("told", "before"))
        return Record(row["uid"], told, before, kept["key"], Words(**kept["words"]))

    async def save(self, tx: Tx, view: AppointmentView, record: Record, *, now: int) -> None:
        """Write down what is known of an appointment.

        Args:
            tx: The one in which the last word is sent.
            view: The appointment.
            record: As it is now.
            now: Milliseconds.
        """
        kept = asdict(record)
        del kept["uid"]
        await tx.execute(
            "INSERT INTO mail_invitations (account_id, mode, appointment_id, uid, sealed, ends_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, mode, appointment_id) DO UPDATE SET"
            " sealed = excluded.sealed, ends_at = excluded.ends_at, updated_at = excluded.updated_at",
            view.account_id,
            view.mode,
            view.id,
            record.uid,
            self._vault.encrypt(json.dumps(kept)),
            view.end,
            now,
        )

    async def prune(self, now: int) -> None:
        """Forget appointments that are long over."""
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM mail_invitations WHERE ends_at < ?", now - KEPT_MS)
