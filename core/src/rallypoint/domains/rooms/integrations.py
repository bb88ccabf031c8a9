"""External services of a single room: configuring them, and pulling a session on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rallypoint.domains.rooms.access import lock_own, not_found, require_owner
from rallypoint.domains.rooms.api import Pull, RoomSource
from rallypoint.domains.rooms.external import ExternalRooms
from rallypoint.domains.rooms.lifecycle import Lifecycle
from rallypoint.domains.rooms.records import Document, lock_room, room_document
from rallypoint.domains.rooms.schemas import ConfigureIntegration, SyncRoom
from rallypoint.domains.rooms.service import RoomService, find_session
from rallypoint.domains.rooms.targets import point
from rallypoint.errors import Conflict
from rallypoint.identity.api import Principal
from rallypoint.security.vault import Vault
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.webhooks.targets import Targets


@dataclass(frozen=True, slots=True)
class Synced:
    """What a pull did: ``synced``, ``unchanged`` or ``inbound_only``, and the changed fields."""

    room: Document
    status: str
    changed: tuple[str, ...] = ()


class Integrations:
    """``/rooms/:id/integrations`` and ``/rooms/:id/sync``.

    Args:
        database: Where integrations are.
        lifecycle: The steps, with their events.
        rooms: Finds rooms that the caller may see.
        external: Applies a pulled session.
        targets: Webhook targets.
        vault: Encrypts API keys.
    """

    def __init__(
        self,
        database: Database,
        lifecycle: Lifecycle,
        rooms: RoomService,
        external: ExternalRooms,
        targets: Targets,
        vault: Vault,
    ) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._rooms = rooms
        self._external = external
        self._targets = targets
        self._vault = vault
        self._sources: dict[str, RoomSource] = {}

    def add_source(self, source: RoomSource) -> None:
        """Make the sessions of a service pullable.

        Raises:
            ValueError: Another plugin serves it already.
        """
        if source.service in self._sources:
            raise ValueError(f"two plugins offer sessions of {source.service!r}")
        self._sources[source.service] = source

    async def configure(
        self, principal: Principal, room_id: str, body: ConfigureIntegration
    ) -> tuple[Document, bool]:
        """Create or update a room's integration; the second value says whether it is new."""
        if body.webhook_url is not None:
            self._targets.check_url(body.webhook_url)
        async with self._database.transaction() as tx:
            room = await lock_own(tx, principal, room_id)
            old = await tx.fetch_one(
                "SELECT * FROM room_integrations WHERE room_id = ? AND service_name = ?",
                room_id,
                body.service_name,
            )
            target_id, secret = await self._retarget(tx, room, old, body, principal.user_id)
            row = await self._write(tx, room_id, old, body, target_id)
        return _document(row, body.webhook_url or await self._url(target_id), secret), old is None

    async def sync(self, principal: Principal, room_id: str, body: SyncRoom) -> Synced:
        """Link a room to an external session and pull it now.

        Raises:
            Conflict: Another room of the account stands for that session.
            NotFound: No such room, or the service has no such session.
        """
        service, external_id = body.external_service_name, body.external_room_id
        room = await self._rooms.get(principal, room_id)
        require_owner(principal, room)
        pulled = None
        if (source := self._sources.get(service)) is not None:
            key = await self._api_key(room_id, service)
            pulled = await source.pull(
                Pull(principal.account_id, principal.user_id, principal.mode, external_id, key)
            )
        async with self._database.transaction() as tx:
            linked = await self._link(tx, room, service, external_id, principal.user_id)
            if pulled is None:
                return Synced(room_document(linked), "inbound_only")
            view = await self._external.apply(tx, linked, service, pulled)
            after = await lock_room(tx, room_id)
            if after is None:
                raise not_found()
        return Synced(room_document(after), "synced" if view.changed else "unchanged", view.changed)

    async def _link(self, tx: Transaction, room: Row, service: str, external_id: str, actor_id: str) -> Row:
        other = await find_session(tx, room["account_id"], service, external_id)
        if other is not None and other["id"] != room["id"]:
            raise Conflict("Another room is linked to this session", details={"room_id": other["id"]})
        current = other or await lock_room(tx, room["id"])
        if current is None:
            raise not_found()
        if other is not None:
            return current
        link = {"external_service_name": service, "external_service_id": external_id}
        return await self._lifecycle.change(tx, current, link, actor_id)

    async def _retarget(
        self, tx: Transaction, room: Row, old: Row | None, body: ConfigureIntegration, owner_id: str
    ) -> tuple[str | None, str | None]:
        target_id = None if old is None else old["target_id"]
        if "webhook_url" not in body.model_fields_set:
            return target_id, None
        return await point(self._targets, tx, room, target_id, body.webhook_url, owner_id)

    async def _write(
        self,
        tx: Transaction,
        room_id: str,
        old: Row | None,
        body: ConfigureIntegration,
        target_id: str | None,
    ) -> Row:
        at = clock.now()
        kept = None if old is None else old["api_key"]
        values: dict[str, Any] = {
            "id": new_id() if old is None else old["id"],
            "room_id": room_id,
            "service_name": body.service_name,
            "target_id": target_id,
            "api_key": kept if body.api_key is None else self._vault.encrypt(body.api_key),
            "sync_enabled": body.sync_enabled,
            "created_at": at if old is None else old["created_at"],
            "updated_at": at,
        }
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        updates = ", ".join(
            f"{name} = excluded.{name}" for name in ("target_id", "api_key", "sync_enabled", "updated_at")
        )
        rows = await tx.fetch(
            f"INSERT INTO room_integrations ({names}) VALUES ({marks})"  # noqa: S608
            f" ON CONFLICT (room_id, service_name) DO UPDATE SET {updates} RETURNING *",
            *values.values(),
        )
        return rows[0]

    async def _api_key(self, room_id: str, service: str) -> str | None:
        row = await self._database.fetch_one(
            "SELECT api_key FROM room_integrations WHERE room_id = ? AND service_name = ? AND sync_enabled = ?",
            room_id,
            service,
            True,
        )
        return None if row is None or row["api_key"] is None else self._vault.decrypt(row["api_key"])

    async def _url(self, target_id: str | None) -> str | None:
        if target_id is None:
            return None
        row = await self._database.fetch_one("SELECT url FROM webhook_targets WHERE id = ?", target_id)
        return None if row is None else str(row["url"])


def _document(row: Row, url: str | None, secret: str | None) -> Document:
    return {
        "id": row["id"],
        "room_id": row["room_id"],
        "service_name": row["service_name"],
        "webhook_url": url,
        "webhook_secret": secret,
        "sync_enabled": bool(row["sync_enabled"]),
        "created_at": clock.rfc3339(row["created_at"]),
    }
