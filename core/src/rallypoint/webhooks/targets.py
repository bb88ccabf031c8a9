"""Webhook targets: who receives which events where, and the secrets that sign what is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import orjson

from rallypoint.errors import NotFound
from rallypoint.identity.api import Mode
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.webhooks import guard, signing
from rallypoint.webhooks.queue import DRAIN, shard_of, shards_of

ROTATION_OVERLAP = clock.DAY
"""Milliseconds for which deliveries carry the signatures of both the new and the previous secret."""

State = Literal["active", "disabled"]


class SecretBox(Protocol):
    """What targets need of the vault."""

    def encrypt(self, plain: str) -> str:
        """Return ``plain`` encrypted, as text."""
        ...

    def decrypt(self, token: str) -> str:
        """Return what :meth:`encrypt` was given."""
        ...


@dataclass(frozen=True, slots=True)
class NewTarget:
    """A target just created; ``secret`` is shown this once."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Target:
    """A target as stored, without its secrets.

    Args:
        events: Names it receives; None for every event of its subject.
        reason: Why it is disabled.
        failing_since: Milliseconds of the first failure since the last success.
    """

    id: str
    account_id: str
    mode: Mode
    owner_id: str
    kind: str
    subject: str
    url: str
    events: tuple[str, ...] | None
    state: State
    reason: str
    failing_since: int | None
    created_at: int
    updated_at: int


class Targets:
    """Targets of all accounts.

    Args:
        database: Where the rows are.
        vault: Encrypts the secrets.
        settings: Whether private targets are allowed.

    Attributes:
        on_removed: Called with the id of each target that this process removed, after the commit.
    """

    def __init__(self, database: Database, vault: SecretBox, settings: Settings) -> None:
        self._database = database
        self._vault = vault
        self._settings = settings
        self.on_removed: list[Callable[[str], None]] = []

    def check_url(self, url: str) -> None:
        """Refuse what can never be a target.

        Raises:
            ValidationFailed: With the reason under ``webhook_url``.
        """
        guard.check_url(url, allow_private=self._settings.allow_private_targets)

    async def create(
        self,
        tx: Transaction,
        *,
        account_id: str,
        mode: Mode,
        owner_id: str,
        kind: str,
        subject: str,
        url: str,
        events: Sequence[str] | None = None,
    ) -> NewTarget:
        """Add a target.

        Args:
            tx: Of the change it belongs to.
            account_id: Whose it is.
            mode: Only events of the same mode reach it.
            owner_id: The user who is told when it is disabled.
            kind: Chooses how events are rendered.
            subject: Of the events it receives: ``room:<id>``, or ``account:<id>`` for all of an account.
            url: Where to post.
            events: Names of the events it receives; None for all.

        Raises:
            ValidationFailed: The URL cannot be a target.
        """
        self.check_url(url)
        target = NewTarget(new_id(), signing.new_secret())
        at = clock.now()
        await tx.execute(
            "INSERT INTO webhook_targets (id, account_id, mode, owner_id, kind, subject, url, events, secret,"
            " state, reason, event_seq, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'active', '', 0, ?, ?)",
            target.id,
            account_id,
            mode,
            owner_id,
            kind,
            subject,
            url,
            None if events is None else orjson.dumps(list(events)).decode(),
            self._vault.encrypt(target.secret),
            at,
            at,
        )
        return target

    async def change_url(self, tx: Transaction, target_id: str, url: str) -> None:
        """Move a target; one that was disabled is active again, with what was pending then given up.

        Raises:
            ValidationFailed: The URL cannot be a target.
            NotFound: There is no such target.
        """
        self.check_url(url)
        changed = await tx.execute(
            "UPDATE webhook_targets SET url = ?, state = 'active', reason = '', failing_since = NULL,"
            " updated_at = ? WHERE id = ?",
            url,
            clock.now(),
            target_id,
        )
        if not changed:
            raise NotFound("There is no such webhook")

    async def remove(self, tx: Transaction, *target_ids: str) -> None:
        """Delete targets and what is still to be sent to them; past deliveries stay until they are pruned.

        Nothing is sent after the commit, but what is being sent already; by other processes, for a quarter
        second at most.
        """
        shards = shards_of(self._database)
        for shard in sorted({shard_of(target_id, shards) for target_id in target_ids}):
            await tx.lock(
                "SELECT name FROM leases WHERE name = ?", f"{DRAIN}/{shard}"
            )  # no outcome is written now
        for target_id in sorted(target_ids):
            await give_up(tx, target_id)
            await tx.execute("DELETE FROM webhook_targets WHERE id = ?", target_id)
        tx.after_commit(lambda: self._removed(target_ids))

    def _removed(self, target_ids: Sequence[str]) -> None:
        for callback in self.on_removed:
            for target_id in target_ids:
                callback(target_id)

    async def rotate(self, tx: Transaction, target_id: str) -> str:
        """Give a target a new secret and return it; the previous one signs beside it for 24 hours."""
        secret = signing.new_secret()
        at = clock.now()
        await tx.execute(
            "UPDATE webhook_targets SET previous_secret = secret, previous_until = ?, secret = ?, updated_at = ?"
            " WHERE id = ?",
            at + ROTATION_OVERLAP,
            self._vault.encrypt(secret),
            at,
            target_id,
        )
        return secret

    async def for_subject(self, subject: str, mode: Mode) -> list[Target]:
        """Return the targets of one subject, oldest first."""
        rows = await self._database.fetch(
            "SELECT * FROM webhook_targets WHERE subject = ? AND mode = ? ORDER BY id", subject, mode
        )
        return [target_of(row) for row in rows]

    async def get(self, account_id: str, mode: Mode, target_id: str) -> Target:
        """Return a target of an account.

        Raises:
            NotFound: There is none, or it is another account's.
        """
        row = await self._database.fetch_one(
            "SELECT * FROM webhook_targets WHERE id = ? AND account_id = ? AND mode = ?",
            target_id,
            account_id,
            mode,
        )
        if row is None:
            raise NotFound("There is no such webhook")
        return target_of(row)

    async def page(self, account_id: str, mode: Mode, after: str, limit: int) -> list[Target]:
        """Return up to ``limit`` targets of an account with ids above ``after``, oldest first."""
        rows = await self._database.fetch(
            "SELECT * FROM webhook_targets WHERE account_id = ? AND mode = ? AND id > ? ORDER BY id LIMIT ?",
            account_id,
            mode,
            after,
            limit,
        )
        return [target_of(row) for row in rows]


def target_of(row: Row) -> Target:
    """Return the target in a whole row."""
    return Target(
        id=row["id"],
        account_id=row["account_id"],
        mode=row["mode"],
        owner_id=row["owner_id"],
        kind=row["kind"],
        subject=row["subject"],
        url=row["url"],
        events=None if row["events"] is None else tuple(orjson.loads(row["events"])),
        state=row["state"],
        reason=row["reason"],
        failing_since=row["failing_since"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def give_up(tx: Transaction, target_id: str) -> None:
    """Cancel everything that is still to be sent to a target; the caller holds its shard's lease.

    Lanes are locked in the order in which the fan-out writes them.
    """
    await tx.execute(
        "UPDATE webhook_deliveries SET state = 'canceled', finished_at = ? WHERE state = 'pending' AND id IN"
        " (SELECT d.id FROM webhook_lanes l JOIN webhook_deliveries d ON d.lane_id = l.id AND d.seq > l.done_seq"
        " WHERE l.target_id = ?)",
        clock.now(),
        target_id,
    )
    await tx.lock("SELECT id FROM webhook_lanes WHERE target_id = ? ORDER BY id", target_id)
    await tx.execute("DELETE FROM webhook_lanes WHERE target_id = ?", target_id)
