"""Opens a house in order, and closes it in the reverse: lock, storage, contributions, plugins, jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import AsyncExitStack

import structlog

from rallypoint.connections.revocations import SWEEP_SECONDS
from rallypoint.events.retention import prune
from rallypoint.house import House
from rallypoint.plugins.loaded import LoadedPlugin
from rallypoint.plugins.plugins import Plugins
from rallypoint.plugins.shared import SharedStatus
from rallypoint.security.secrets import lock_data_dir
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.migrate import App, SchemaNewer, migrate, migrating
from rallypoint.wiring import Wiring

GRACE_SECONDS = 10.0
PRUNE_SECONDS = 600.0
_log = structlog.stdlib.get_logger("rallypoint")


class Opening:
    """What happens between the first and the last request.

    Args:
        house: The services, not open yet.
        plugins: Loaded, with nothing of them in effect yet.
    """

    def __init__(self, house: House, plugins: Plugins) -> None:
        self.house = house
        self.plugins = plugins
        self._stack = AsyncExitStack()
        self._wiring = Wiring(house, plugins)

    async def open(self) -> None:
        """Open everything; what was opened is closed by :meth:`close` even when this raises."""
        house, serves = self.house, self.house.role.kind == "server"
        if house.database.is_sqlite:
            self._stack.enter_context(lock_data_dir(house.settings.data_dir))
        await self._open_storage()
        self._wiring.contribute()
        if house.sharing:
            await house.sharing.open()
            self._stack.push_async_callback(house.sharing.close)
        await house.connections.open()
        self._stack.push_async_callback(house.connections.close)
        await house.identity.start()
        self._stack.push_async_callback(house.identity.stop)
        await self._start_plugins()
        shared = SharedStatus(
            house.database,
            self.plugins,
            house.role.kind,
            resumed=self._wiring.schedule.resume,
            share=None if house.database.is_sqlite else house.connections.share,  # SQLite serves one process
        )
        await shared.open()
        self._stack.push_async_callback(shared.close)
        await self._wiring.schedule.prepare()
        if serves:
            await house.sockets.start()
        house.jobs.every(PRUNE_SECONDS, "retention", self._prune)
        house.jobs.every(SWEEP_SECONDS, "connections.revocations", house.connections.revocations.sweep)
        await house.jobs.start()
        self._stack.push_async_callback(house.deliveries.stop, GRACE_SECONDS)
        self._stack.push_async_callback(house.jobs.stop, GRACE_SECONDS)
        if serves:
            self._stack.push_async_callback(house.sockets.stop)
            await self._greet()

    async def close(self) -> None:
        """Stop everything that was opened, the last first; safe to call twice."""
        await self._stack.aclose()

    async def _open_storage(self) -> None:
        database, own = self.house.database, [_app(plugin) for plugin in self._with_tables()]
        await database.open({app.label: [app.models] for app in (*CORE_APPS, *own)})
        self._stack.push_async_callback(database.close)
        async with migrating(database) as done:
            for app in CORE_APPS:
                await migrate(database, app, done)
            for app in own:
                await self._migrate_plugin(app, done)
        if database.is_sqlite:
            await self.house.leases.inherit()

    async def _migrate_plugin(self, app: App, done: dict[str, set[str]]) -> None:
        try:
            await migrate(self.house.database, app, done)
        except SchemaNewer as error:
            self.plugins.drop(app.label, "migration", str(error), status="incompatible")
        except Exception as error:
            _log.exception("migration failed", plugin=app.label)
            self.plugins.drop(app.label, "migration", f"{type(error).__name__}: {error}")

    def _with_tables(self) -> Iterable[LoadedPlugin]:
        return [plugin for plugin in self.plugins.loaded if plugin.contributions.models]

    async def _start_plugins(self) -> None:
        dispatch = self.plugins.dispatch
        dispatch.watchdog.start()
        self._stack.callback(dispatch.watchdog.stop)
        self._stack.push_async_callback(dispatch.call_all, "shutdown")
        await dispatch.call_all("startup")

    async def _prune(self) -> None:
        """Delete what is older than the operator wants it kept."""
        house = self.house
        await prune(house.database, house.settings)
        await house.identity.sessions.prune()
        await house.connections.prune()
        while await house.idempotency.prune():
            pass

    async def _greet(self) -> None:
        token = await self.house.identity.operators.first_setup_token()
        if token is not None:
            sys.stderr.write(
                "\n  Register with this one-time setup token to become the operator of this server:\n"
                f'  {{"user": {{…, "setup_token": "{token}"}}}}\n\n'
            )


def _app(plugin: LoadedPlugin) -> App:
    return App(plugin.name, str(plugin.contributions.models))
