"""Puts into effect what plugins registered: routes, events, channels, connections, webhooks, tasks, reactions."""

from __future__ import annotations

from collections.abc import Sequence

from rallypoint.connections.api import Connection, ConnectionState
from rallypoint.events.fanout import Fanout
from rallypoint.events.reactions import Reactions
from rallypoint.events.types import Event
from rallypoint.house import House
from rallypoint.identity.channel import UserChannel
from rallypoint.jobs.schedule import Schedule
from rallypoint.plugins.channels import guard_channel
from rallypoint.plugins.loaded import LoadedPlugin
from rallypoint.plugins.manifest import Manifest
from rallypoint.plugins.plugins import Plugins
from rallypoint.plugins.shared import listeners
from rallypoint.plugins.sources import guard_kind, guard_source
from rallypoint.plugins.status import Status
from rallypoint.storage.database import Transaction
from rallypoint.storage.ids import new_id
from rallypoint.web.routing import Route
from rallypoint.webhooks.receipts import Receipts

CONNECTION_CHANGED = "plugins.connection_changed"


class Wiring:
    """Everything that stands between the kernel's services and the plugins.

    Args:
        house: The services.
        plugins: Loaded, with nothing of them in effect yet.
    """

    def __init__(self, house: House, plugins: Plugins) -> None:
        self._house, self._plugins, self._dispatch = house, plugins, plugins.dispatch
        self._changed: dict[str, tuple[str, Connection, ConnectionState]] = {}
        database, jobs, leases = house.database, house.jobs, house.leases
        house.statuses = lambda: plugins.statuses
        house.connections.supervise(self._dispatch.run)
        house.connections.observe(self._connection_changed)
        jobs.handle(CONNECTION_CHANGED, self._tell_connection_changed, local=True)
        self.schedule = Schedule(database, jobs, house.connections, run=self._dispatch.run)
        self._receipts = Receipts(database, jobs, leases, house.settings)
        self._reactions = Reactions(database, jobs, leases, self._react, self._reactors)
        self._fanout = Fanout(database, jobs, leases, house.outbox.types, listeners, self._reactions.wake)

    def contribute(self) -> None:
        """Let the contributions of every plugin still loaded take effect; called once, when tables exist."""
        self._house.hub.add_channel(UserChannel())
        for plugin in self._plugins.loaded:
            self._contribute(plugin)
        for manifest, status in self._plugins.away:
            self._tell_away(manifest, status)

    def _contribute(self, plugin: LoadedPlugin) -> None:
        house, parts = self._house, plugin.contributions
        for prefix in plugin.manifest.prefixes:
            house.web.envelopes.add(prefix.path, prefix.envelope)
        house.web.mount(parts.routes, self._dispatch.guard(plugin.name))
        house.web.mount(self._webhook_routes(plugin))
        house.outbox.declare(parts.events)
        for kind in parts.target_kinds:
            house.deliveries.kinds.declare(guard_kind(self._dispatch, plugin.name, kind))
        for channel in parts.channels:
            house.hub.add_channel(guard_channel(self._dispatch, plugin, channel))
        for connection in parts.connections:
            house.connections.declare(plugin.name, connection)
        self.schedule.add(plugin.name, parts.tasks)
        if plugin.name in self._reactors():
            self._reactions.serve(plugin.name)

    def _tell_away(self, manifest: Manifest, status: Status) -> None:
        """Have the paths of a plugin that cannot serve say so, in their own envelope: clients know them."""
        trouble = "is not configured" if status == "needs_config" else "does not work at present"
        for prefix in manifest.prefixes:
            if self._house.web.away.of(prefix.path) is None:  # else another that is away has claimed it
                self._house.web.envelopes.add(prefix.path, prefix.envelope)
                self._house.web.away.add(prefix.path, f"{manifest.title} {trouble} on this server")

    def _webhook_routes(self, plugin: LoadedPlugin) -> list[Route]:
        return [
            self._receipts.receipt_route(guard_source(self._dispatch, plugin.name, source), queue=plugin.name)
            for source in plugin.contributions.webhooks
        ]

    def _reactors(self) -> Sequence[str]:
        return self._dispatch.implementers("on_event")

    async def _react(self, plugin: str, event: Event) -> None:
        await self._dispatch.call(plugin, "on_event", event=event)

    async def _connection_changed(
        self, tx: Transaction, plugin: str, connection: Connection, state: ConnectionState
    ) -> None:
        """Have the plugin hear of it after the commit; a hint that a kill may lose, as its hook says."""
        if plugin in self._dispatch.implementers("on_connection_changed"):
            key = new_id()
            self._changed[key] = (plugin, connection, state)
            tx.after_commit(lambda: self._house.jobs.wake(CONNECTION_CHANGED, key))

    async def _tell_connection_changed(self, key: str) -> None:
        """Call the hook once: what fails shows in the plugin's status and is not tried again."""
        if (changed := self._changed.pop(key, None)) is not None:
            plugin, connection, state = changed
            await self._dispatch.call(plugin, "on_connection_changed", connection=connection, state=state)
