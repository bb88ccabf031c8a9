"""The core's services of one process, made and connected but not open yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rallypoint import __version__
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.routes import connection_routes
from rallypoint.connections.service import Connections
from rallypoint.events.outbox import Outbox
from rallypoint.identity.api import People
from rallypoint.identity.channel import UserChannel
from rallypoint.identity.people import Directory
from rallypoint.identity.routes import identity_routes
from rallypoint.identity.service import Identity
from rallypoint.jobs.engine import make_jobs
from rallypoint.metrics import Metrics
from rallypoint.plugins.context import Kernel
from rallypoint.plugins.registry import Registry
from rallypoint.plugins.routes import plugin_routes
from rallypoint.plugins.shared import overview, resume
from rallypoint.plugins.status import PluginStatus
from rallypoint.realtime.hub import Hub
from rallypoint.realtime.sockets import Sockets
from rallypoint.role import Role
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.apps import CORE_APPS, core_tables
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from rallypoint.storage.migrate import check_current
from rallypoint.web.docs import docs_routes
from rallypoint.web.envelopes import Envelopes
from rallypoint.web.health import health_routes
from rallypoint.web.idempotency import Idempotency
from rallypoint.web.limits import Limiter
from rallypoint.web.openapi import document
from rallypoint.web.pages import STYLE
from rallypoint.web.server import Web
from rallypoint.webhooks.deliveries import Deliveries
from rallypoint.webhooks.history import History
from rallypoint.webhooks.routes import webhook_routes
from rallypoint.webhooks.targets import Targets

if TYPE_CHECKING:
    from rallypoint.redis.sharing import Sharing

CORE_PREFIXES = (
    "/api/plugins",
    "/assets",
    "/api/v1/connections",
    "/api/v1/oauth",
    "/api/v1/deliveries",
    "/api/v1/webhooks",
    "/webhooks/test",
    "/socket",
    "/socket.io",
    "/realtime",
)


class House:
    """One of each service.

    Args:
        settings: With a secret key.
        role: What this process is for.
    """

    def __init__(self, settings: Settings, role: Role) -> None:
        self.settings, self.role = settings, role
        self.database = Database.from_settings(settings)
        self.leases = Leases(self.database)
        self.vault = Vault(settings)
        self.jobs = make_jobs(
            self.database,
            self.leases,
            runs=role.runs_jobs,
            concurrency=role.concurrency,
            queues=role.queues,
        )
        self.metrics = Metrics()
        self.sharing = _sharing(settings, self.database)
        self.hub = Hub(settings, self.sharing.bus if self.sharing else None)
        self.outbox = Outbox(self.database, self.jobs, self.hub)
        self.targets = Targets(self.database, self.vault, settings)
        self.limiter = Limiter.from_settings(settings, self.sharing.windows if self.sharing else None)
        self.identity = Identity(settings, self.database, limit=self.limiter.check)
        self.connections = Connections(
            self.database, self.vault, self.outbox, ProviderHttp(), settings, self.leases
        )
        self.sockets = Sockets(self.hub, self.identity.authenticator, settings)
        self.deliveries = Deliveries(
            self.database,
            self.jobs,
            self.leases,
            self.outbox,
            self.vault,
            settings,
            busy=self.metrics.busy,
        )
        self.targets.on_removed.append(self.deliveries.forget)
        self.history = History(self.database, self.jobs)
        self.idempotency = Idempotency(
            self.database, self.vault, keep=round(settings.retention_idempotency * 1000)
        )
        self.web = Web(
            settings, self.identity.authenticator, self.limiter, self.idempotency, Envelopes(), self.metrics
        )
        self.kernel = Kernel(
            settings=settings,
            database=self.database,
            outbox=self.outbox,
            jobs=self.jobs,
            hub=self.hub,
            targets=self.targets,
            connections=self.connections,
            vault=self.vault,
            leases=self.leases,
            identity=self.identity,
        )
        self.kernel.services.add({People: Directory(self.database)})
        self.statuses: Callable[[], Sequence[PluginStatus]] = list
        """How this process's plugins are; set once they are loaded."""
        if self.sharing:
            self.sharing.measure(self.metrics.registry)
            self.sharing.bus.on_revoked(self.identity.revocations.tell)
            self.identity.revocations.spread = self.sharing.bus.tell_revoked
        self._mount_core()

    @property
    def url(self) -> str:
        """How clients reach this server."""
        return self.settings.own_url

    def claims(self) -> Registry:
        """Return the registry that plugins' claims are checked against, with the core's own in it."""
        return Registry(
            routes=[(route.method, route.path) for route in self.web.routes],
            prefixes=CORE_PREFIXES,
            tables=core_tables(),
            topics=[UserChannel.pattern],
        )

    def _mount_core(self) -> None:
        sharing = self.sharing
        for prefix in CORE_PREFIXES:
            self.web.envelopes.add(prefix, "data")
        self.web.mount(
            health_routes(
                version=__version__,
                checks={
                    "database": lambda: self.database.fetch("SELECT 1"),
                    "migrations": lambda: check_current(self.database, CORE_APPS),
                },
                degradable={"redis": lambda: sharing.up} if sharing else {},
                plugins=lambda: Counter(status.status for status in self.statuses()),
                metrics=self.metrics,
                metrics_for=self.settings.metrics,
            )
        )
        self.web.mount(identity_routes(self.identity))
        self.web.mount(connection_routes(self.connections))
        self.web.mount(webhook_routes(self.database, self.targets, self.history, self.settings))
        self.web.mount(
            plugin_routes(
                lambda: overview(self.database),
                lambda name: resume(self.database, self.settings.data_dir, name),
            )
        )
        self.web.mount(STYLE.routes())
        self.web.mount(docs_routes(self._describe, self.url), documented=False)

    def _describe(self) -> Mapping[str, Any]:
        return document(
            self.web.routes,
            self.web.envelopes,
            self.limiter.limited,
            version=__version__,
            events=list(self.outbox.types.values()),
            server=self.settings.public_url,
        )


def _sharing(settings: Settings, database: Database) -> Sharing | None:
    """Return what is shared with other processes; a single one never imports it."""
    if not settings.redis_url:
        return None
    from rallypoint.redis.sharing import Sharing

    return Sharing(settings, database)
