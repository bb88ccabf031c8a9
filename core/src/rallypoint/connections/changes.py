"""Every change of a connection, each in one transaction: the row, its timeline, its owner's news, its observers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rallypoint.connections import records, timeline
from rallypoint.connections.api import Connection, ConnectionState, Owner
from rallypoint.connections.events import EVENTS, NEEDS_REAUTH, RECOVERED, draft
from rallypoint.connections.records import Grant
from rallypoint.connections.revocations import Revocations
from rallypoint.connections.services import Services
from rallypoint.events.outbox import Outbox
from rallypoint.storage.database import Database, Row, Transaction

Observer = Callable[[Transaction, str, Connection, ConnectionState], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a credential that was kept.

    Args:
        row: Of the connection.
        created: Whether there was none before.
        revocation: Of the grant that it took the place of, when that is to be told to the provider.
    """

    row: Row
    created: bool
    revocation: str | None = None


class Changes:
    """Writes them.

    Args:
        database: Where the rows are.
        outbox: Takes the news for owners.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database, self._outbox = database, outbox
        self._observers: list[Observer] = []
        self._services: Services | None = None
        self._revocations: Revocations | None = None
        outbox.declare(EVENTS)

    def bind(self, services: Services, revocations: Revocations) -> None:
        """Let changed connections be signed in, and grants that end be revoked."""
        self._services, self._revocations = services, revocations

    def observe(self, observer: Observer) -> None:
        """Call ``observer(tx, plugin, connection, state)`` in the transaction of every change."""
        self._observers.append(observer)

    async def keep(self, owner: Owner, service: str, grant: Grant) -> Kept:
        """Create a user's connection, or give it a new credential; one that was refused has recovered."""
        revocation = None
        async with self._database.transaction() as tx:
            before = await records.of_user(tx, owner, service)
            if before is not None and _is_other_account(before, grant) and self._revocations is not None:
                revocation = await self._revocations.add(tx, before)
            row = await records.save(tx, owner, service, grant)
            await timeline.note(
                tx, row["id"], "connected", at=row["updated_at"], until=row["expires_at"], detail=row["label"]
            )
            if before is not None and before["state"] == "needs_reauth":
                row = await self._tell(tx, RECOVERED, row["id"])
            await self._notify(tx, row, "connected")
        return Kept(row, before is None, revocation)

    async def refuse(self, connection_id: str, version: int, reason: str) -> bool:
        """Give a credential up and tell the owner: once, and not of an old one; returns whether that was new."""
        async with self._database.transaction() as tx:
            row = await records.refuse(tx, connection_id, version, reason)
            if row is None:
                return False
            row = await self._tell(tx, NEEDS_REAUTH, row["id"])
            await self._notify(tx, row, "needs_reauth")
        return True

    async def mend(self, tx: Transaction, connection_id: str) -> None:
        """Take a connection back that was given up while another process was refreshing its tokens."""
        await records.mend(tx, connection_id)
        row = await self._tell(tx, RECOVERED, connection_id)
        await self._notify(tx, row, "connected")

    async def remove(self, owner: Owner, service: str) -> str | None:
        """Delete a connection; returns the id of what the provider is to be told, when there is something.

        Raises:
            LookupError: There is none.
        """
        async with self._database.transaction() as tx:
            row = await records.of_user(tx, owner, service)
            if row is None:
                raise LookupError(service)
            await self._notify(tx, row, "removed")
            revocation = None if self._revocations is None else await self._revocations.add(tx, row)
            await records.remove(tx, row["id"])
        return revocation

    async def _tell(self, tx: Transaction, event: str, connection_id: str) -> Row:
        row = await records.next_seq(tx, connection_id)
        await self._outbox.add(tx, draft(event, row))
        kind: timeline.Kind = "needs_reauth" if event == NEEDS_REAUTH else "recovered"
        await timeline.note(tx, connection_id, kind, at=row["updated_at"], detail=row["reason"])
        return row

    async def _notify(self, tx: Transaction, row: Row, state: ConnectionState) -> None:
        if self._services is None:
            return
        known, connection = self._services.known.get(row["service"]), self._services.connection(row)
        if known is not None and connection is not None:
            for observer in self._observers:
                await observer(tx, known.plugin, connection, state)


def _is_other_account(before: Row, grant: Grant) -> bool:
    after = records.external_id(grant.identity)
    return grant.kind == "oauth2" and bool(before["external_id"]) and before["external_id"] != after
