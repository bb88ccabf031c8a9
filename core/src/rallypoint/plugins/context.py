"""What a plugin is handed: the core's services, each already bound to the plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from rallypoint.connections.service import Connections
    from rallypoint.events.outbox import Outbox
    from rallypoint.jobs.api import Jobs
    from rallypoint.plugins.contributions import PluginSettings
    from rallypoint.realtime.hub import Hub
    from rallypoint.security.vault import Vault
    from rallypoint.settings import Settings
    from rallypoint.storage.database import Database
    from rallypoint.storage.store import Store
    from rallypoint.webhooks.targets import Targets

T = TypeVar("T")


class ServiceMissing(LookupError):
    """No loaded plugin provides the service."""


class Services:
    """The objects by which plugins use each other, found by their protocol."""

    def __init__(self) -> None:
        self._by_type: dict[type, object] = {}

    def add(self, services: Mapping[type, object]) -> None:
        """Offer services; the loader has checked that none is offered twice."""
        self._by_type.update(services)

    def get(self, kind: type[T]) -> T:
        """Return what fulfils ``kind``.

        Raises:
            ServiceMissing: The plugin that provides it is not loaded.
        """
        try:
            return cast(T, self._by_type[kind])
        except KeyError:
            raise ServiceMissing(f"no loaded plugin provides {kind.__module__}.{kind.__qualname__}") from None


@dataclass(frozen=True, slots=True)
class Kernel:
    """The core's services, one of each on a server; built by ``app`` before plugins load, opened after."""

    settings: Settings
    database: Database
    outbox: Outbox
    jobs: Jobs
    hub: Hub
    targets: Targets
    connections: Connections
    vault: Vault
    services: Services = field(default_factory=Services)


@dataclass(frozen=True, slots=True)
class PluginContext:
    """A plugin's view of the core.

    Args:
        name: The plugin's name.
        settings: An instance of what ``register_settings`` returned.
        log: Bound to the plugin's name; secrets are redacted.
        kernel: The core's services.
        store: The plugin's own key-value store.
    """

    name: str
    settings: PluginSettings
    log: BoundLogger
    kernel: Kernel
    store: Store

    def service(self, kind: type[T]) -> T:
        """Return another plugin's service by the protocol in its ``api.py``."""
        return self.kernel.services.get(kind)
