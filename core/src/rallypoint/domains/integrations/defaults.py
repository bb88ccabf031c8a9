"""What is shown of a declared connection whose plugin shows nothing itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from rallypoint.connections.api import Owner
from rallypoint.connections.service import Connections
from rallypoint.domains.integrations.api import PAGE, Action, Fact, Input, Section, Viewer, Went
from rallypoint.errors import NotFound, ValidationFailed
from rallypoint.jobs import runs
from rallypoint.plugins.contributions import AnyConnection, ApiKeyConnection
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row

_KEY = Input(
    "api_key",
    "API key",
    kind="password",
    hint="It is checked, then kept encrypted and never shown again.",
    max_length=512,
)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def camel(name: str) -> str:
    """Return ``google_calendar`` as ``googleCalendar``."""
    head, *rest = re.split("[_-]", name)
    return head + "".join(part.capitalize() for part in rest)


class Defaults:
    """Status and section made from a connection; :class:`~..api.Integrations` for plugins.

    Args:
        connections: What users may connect, and have connected.
        database: Knows when tasks last ran.
    """

    def __init__(self, connections: Connections, database: Database) -> None:
        self._connections, self._database = connections, database

    async def status(self, viewer: Viewer, service: str) -> dict[str, Any]:
        """Return the status object of a connection; see :class:`~..api.Integrations`."""
        self._declared(service)
        row = await self._row(viewer, service)
        if row is None:
            return {"connected": False}
        synced = await self._last_sync(row)
        return {
            "connected": True,
            "account": row["label"],
            "connectedAt": clock.rfc3339_ms(row["created_at"]),
            "lastSyncAt": None if synced is None else clock.rfc3339_ms(synced),
            "needsReauth": row["state"] == "needs_reauth",
        }

    async def section(self, viewer: Viewer, service: str) -> Section:
        """Return the section of a connection; see :class:`~..api.Integrations`."""
        declared = self._declared(service)
        row = await self._row(viewer, service)
        if row is None:
            connect = self._connect(declared, "Connect")
            return Section(declared.title, declared.summary, actions=(connect,), service=service)
        refused = row["state"] == "needs_reauth"
        again = (self._connect(declared, "Connect again"),) if refused else ()
        return Section(
            declared.title,
            declared.summary,
            state="needs_reauth" if refused else "connected",
            facts=await self._facts(row),
            actions=(*again, self._disconnect(declared)),
            notice=_what_to_do(declared) if refused else "",
            service=service,
        )

    def _declared(self, service: str) -> AnyConnection:
        if service not in self._connections.services:
            raise NotFound(f"No installed plugin connects {service!r}")
        return self._connections.services[service].declared

    async def _row(self, viewer: Viewer, service: str) -> Row | None:
        rows = await self._connections.list(_owner(viewer))
        return next((row for row in rows if row["service"] == service), None)

    async def _last_sync(self, row: Row) -> int | None:
        return await runs.last_success(self._database, row["id"])

    async def _facts(self, row: Row) -> tuple[Fact, ...]:
        synced = await self._last_sync(row)
        return (
            Fact("Account", row["label"]),
            Fact("Connected", at=row["created_at"]),
            *(() if synced is None else (Fact("Last sync", at=synced),)),
        )

    def _connect(self, declared: AnyConnection, label: str) -> Action:
        if isinstance(declared, ApiKeyConnection):
            run = partial(self._connect_with_key, declared)
            return Action("connect", label, run, fields=(_KEY,), style="primary")
        return Action("connect", label, partial(self._begin, declared), style="primary")

    def _disconnect(self, declared: AnyConnection) -> Action:
        question = f"Disconnect {declared.title}? Syncing stops, and what was stored to sign in is deleted."
        run = partial(self._run_disconnect, declared)
        return Action("disconnect", "Disconnect", run, confirm=question, style="danger")

    async def _connect_with_key(
        self, declared: AnyConnection, viewer: Viewer, values: Mapping[str, str]
    ) -> Went:
        key = values["api_key"].strip()
        if not _PRINTABLE.fullmatch(key):
            raise ValidationFailed({"api_key": ["A key has letters, digits and signs only, and no spaces"]})
        await self._connections.connect(_owner(viewer), declared.service, key)
        return Went(f"{declared.title} is connected.")

    async def _begin(self, declared: AnyConnection, viewer: Viewer, _values: Mapping[str, str]) -> Went:
        return Went(go_to=await self._connections.begin(_owner(viewer), declared.service, return_to=PAGE))

    async def _run_disconnect(
        self, declared: AnyConnection, viewer: Viewer, _values: Mapping[str, str]
    ) -> Went:
        await self._connections.disconnect(_owner(viewer), declared.service)
        return Went(f"{declared.title} is disconnected.")


def _owner(viewer: Viewer) -> Owner:
    return Owner(viewer.account_id, viewer.user_id, viewer.mode)


def _what_to_do(declared: AnyConnection) -> str:
    what = "the key" if isinstance(declared, ApiKeyConnection) else "the permission"
    return (
        f"{declared.title} does not accept {what} any more, so nothing is synced at present."
        " Connect again to go on; nothing that was synced is lost."
    )
