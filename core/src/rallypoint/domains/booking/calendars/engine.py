"""The calendars' sync: one process at a time for each connection; rows say what is to be done, jobs only wake it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from rallypoint.connections.api import Connection, ConnectionState
from rallypoint.domains.booking.api import (
    Appointments,
    BusyRequest,
    BusySource,
    CalendarProvider,
    Interval,
    SyncMode,
    SyncSettings,
)
from rallypoint.domains.booking.calendars import blocks, claims, cursors
from rallypoint.domains.booking.calendars.adapter import Adapter
from rallypoint.domains.booking.calendars.channels import Channels
from rallypoint.domains.booking.calendars.claims import Claim
from rallypoint.domains.booking.calendars.links import Links, event_id, link_id
from rallypoint.domains.booking.calendars.notes import Note
from rallypoint.domains.booking.calendars.pull import Pull
from rallypoint.domains.booking.calendars.push import Push
from rallypoint.domains.booking.calendars.reconcile import Reconcile
from rallypoint.domains.booking.calendars.worker import Worker
from rallypoint.errors import PluginError
from rallypoint.plugins.context import Kernel
from rallypoint.storage import clock
from rallypoint.storage.database import Transaction

SWEEP_SECONDS = 5.0
PRUNE_SECONDS = 3600.0
_BATCH = 1_000
_PATIENCE = 100
_TASK = "booking.calendars"
_log = structlog.stdlib.get_logger("rallypoint.calendars")


class Calendars:
    """Fulfils ``booking.api.CalendarSync``.

    Args:
        kernel: The core's services.
        appointments: What is synced.
        sign: Returns a hex HMAC of a text for a purpose, with a key of this server's.
        public_url: Of this server.
    """

    def __init__(
        self,
        kernel: Kernel,
        appointments: Appointments,
        *,
        sign: Callable[[str, str], str],
        public_url: str,
    ) -> None:
        self._database, self._jobs, self._hooks = kernel.database, kernel.jobs, kernel.hooks
        self._connections, self._sign = kernel.connections, sign
        self._adapters: dict[str, Adapter] = {}
        self._note = Note(kernel.connections)
        self._channels = Channels(
            self._database,
            self._note,
            self.channel_token,
            public_url=public_url,
            private=kernel.settings.allow_private_targets,
        )
        reconcile = Reconcile(self._database, appointments, self._note)
        push = Push(self._database, reconcile, self._note)
        pull = Pull(self._database, appointments, reconcile, push, self._note)
        self._worker = Worker(self._database, pull, push, self._channels, self._note, self._wake_when_due)
        self.links = Links(self._wake)

    # CalendarSync

    async def poll(self, connection: Connection) -> None:
        """See ``booking.api.CalendarSync``; errors as ``Pull.run``."""
        calendar = self._adapter(connection.service).of(connection)
        claim = await claims.take(self._database, connection.id)
        if claim is None and not await self._look_later(connection):
            claim = await claims.take(self._database, connection.id)
        if claim is not None:
            await self._worker.poll(calendar, claim)

    async def push_due(self, connection_id: str) -> None:
        """See ``booking.api.CalendarSync``."""
        await self.run(connection_id)

    async def run(self, connection_id: str) -> None:
        """Do what is due for a connection's calendar: what the jobs run."""
        claim = await claims.take(self._database, connection_id)
        if claim is None:  # whoever is at it looks again when it ends
            async with self._database.transaction() as tx:
                await cursors.settle_idle(tx, connection_id)
            return
        connection = await self._connections.get(connection_id)
        if connection is None or connection.state != "connected" or connection.service not in self._adapters:
            await claims.release(self._database, claim)
            return
        calendar = self._adapters[connection.service].of(connection)
        if (refused := await self._worker.run(calendar, claim)) is not None:
            await self._connections.mark_needs_reauth(connection, str(refused))

    async def notified(
        self, service: str, channel_id: str, resource_id: str, state: str, message_number: int
    ) -> None:
        """See ``booking.api.CalendarSync``."""
        connection_id = await self._channels.notified(service, channel_id, resource_id, message_number, state)
        if not connection_id or state == "sync":  # "sync" greets a new channel (Google's push guide)
            return
        async with self._database.transaction() as tx:
            if state in ("renew", "removed"):
                await cursors.want_watch(tx, connection_id)
            row = await cursors.want_poll(tx, connection_id)
            if row is not None and not row["parked"]:
                await self._note(connection_id, "notified")
                tx.after_commit(partial(self._wake, service, connection_id))

    def channel_token(self, channel_id: str) -> str:
        """See ``booking.api.CalendarSync``; made from the id, so that nothing secret is stored."""
        return self._sign("calendar-channel", channel_id)

    async def event_of(self, connection: Connection, appointment_id: int) -> str | None:
        """See ``booking.api.CalendarSync``."""
        id_ = link_id(connection.id, appointment_id)
        found = await event_id(self._database, id_)
        if found == "":
            await self.run(connection.id)
            found = await event_id(self._database, id_)
        return found

    async def settings(self, connection: Connection) -> SyncSettings:
        """See ``booking.api.CalendarSync``."""
        return await cursors.settings(self._database, connection.id)

    async def set_mode(self, connection: Connection, mode: SyncMode) -> None:
        """See ``booking.api.CalendarSync``."""
        async with self._database.transaction() as tx:
            await cursors.set_mode(tx, connection, mode)
            tx.after_commit(partial(self._wake, connection.service, connection.id))

    async def forget(self, connection_id: str) -> None:
        """See ``booking.api.CalendarSync``; a provider that is away holds nothing up."""
        await self._alone(connection_id)
        connection = await self._connections.get(connection_id)
        if connection is not None and connection.service in self._adapters:
            try:
                await self._channels.forget(self._adapters[connection.service].of(connection))
            except PluginError as error:
                _log.info("push channels are left to end by themselves", error=str(error))
        async with self._database.transaction() as tx:
            await cursors.forget(tx, connection_id)

    # Booking

    def busy_source(self) -> BusySource:
        """Return what the stored busy blocks say, for availability."""
        return BusySource("calendars", self._busy)

    async def start(self) -> None:
        """Collect the providers and stand ready, before the jobs start.

        Raises:
            ValueError: Two providers are of one service.
        """
        for plugin, provider in await self._hooks.collect_owned("register_calendar_providers"):
            self._add(plugin, provider)
        if self._database.is_sqlite:  # one process alone serves it: older claims are of a dead one
            await claims.end_all(self._database)
        self._connections.observe(self._connection_changed)
        self._jobs.every(PRUNE_SECONDS, f"{_TASK}.prune", partial(blocks.prune, self._database))

    async def sweep(self, service: str) -> None:
        """Wake every connection of a service that has something due: lost wake-ups, retries, renewals."""
        for connection_id in await cursors.due(self._database, service, _BATCH):
            self._wake(service, connection_id)

    def _add(self, plugin: str, provider: CalendarProvider) -> None:
        service = provider.service
        if service in self._adapters:
            raise ValueError(f"two calendars are of the service {service!r}")
        self._adapters[service] = Adapter(plugin, provider, self._hooks)
        self._jobs.handle(f"{_TASK}.{service}", self.run, queue=plugin)
        sweep = partial(self.sweep, service)
        self._jobs.every(SWEEP_SECONDS, f"{_TASK}.{service}.sweep", sweep, queue=plugin)

    def _adapter(self, service: str) -> Adapter:
        try:
            return self._adapters[service]
        except KeyError:
            raise LookupError(f"no loaded plugin adapts the calendars of {service!r}") from None

    async def _busy(self, request: BusyRequest) -> list[Interval]:
        return list(await blocks.busy(self._database, request))

    async def _connection_changed(
        self,
        tx: Transaction,
        plugin: str,  # noqa: ARG002
        connection: Connection,
        state: ConnectionState,
    ) -> None:
        if connection.service not in self._adapters:
            return
        if state == "removed":
            await cursors.forget(tx, connection.id)
        elif state == "needs_reauth":
            await cursors.parked(tx, connection.id)
        elif await cursors.connected(tx, connection):  # a new one is looked at by its plugin's task first
            tx.after_commit(partial(self._wake, connection.service, connection.id))

    async def _alone(self, connection_id: str) -> None:
        """Wait a while for whoever is at a calendar, who may be opening a channel that nobody would close."""
        for _ in range(_PATIENCE):
            if not await claims.is_held(self._database, connection_id):
                break
            await asyncio.sleep(0.05)
        await claims.take(self._database, connection_id)

    async def _look_later(self, connection: Connection) -> bool:
        """Have whoever is at a calendar look at it once more; False when it is free, its row having been mended."""
        async with self._database.transaction() as tx:
            row = await cursors.want_poll(tx, connection.id)
            if row is not None and not row["parked"]:
                return True
            await cursors.connected(tx, connection)
        return False

    def _wake(self, service: str, connection_id: str) -> None:
        if service in self._adapters:
            self._jobs.wake(f"{_TASK}.{service}", connection_id)

    def _wake_when_due(self, claim: Claim) -> None:
        """Go on with what came up while a claim was held, at once or when it is due."""
        wanted = (claim.poll_at, claim.watch_at, claim.push_at) if claim.last_sync_at else (claim.poll_at,)
        times = [at for at in wanted if at is not None]
        if claim.service in self._adapters and times and min(times) - clock.now() < SWEEP_SECONDS * 1000:
            self._jobs.wake_at(min(times), f"{_TASK}.{claim.service}", claim.connection_id)
