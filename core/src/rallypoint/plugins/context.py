"""What a plugin is handed: the core's services, each already bound to the plugin."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from rallypoint.connections.service import Connections
    from rallypoint.events.outbox import Outbox
    from rallypoint.identity.service import Identity
    from rallypoint.jobs.api import Jobs
    from rallypoint.plugins.contributions import PluginSettings
    from rallypoint.realtime.hub import Hub
    from rallypoint.security.vault import Vault
    from rallypoint.settings import Settings
    from rallypoint.storage.database import Database
    from rallypoint.storage.leases import Leases
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

    def remove(self, services: Mapping[type, object]) -> None:
        """Withdraw the services of a plugin that was dropped."""
        for kind in services:
            self._by_type.pop(kind, None)

    def get(self, kind: type[T]) -> T:
        """Return what fulfils ``kind``.

        Raises:
            ServiceMissing: The plugin that provides it is not loaded.
        """
        try:
            return cast(T, self._by_type[kind])
        except KeyError:
            raise ServiceMissing(f"no loaded plugin provides {kind.__module__}.{kind.__qualname__}") from None


class Collector(Protocol):
    """Calls the hooks by which plugins extend a domain; ``dispatch.Dispatcher`` is the one there is."""

    async def collect(self, hook: str, **arguments: object) -> list[Any]:
        """Return everything that the implementations of a plain (not async) hook return, in one list."""
        ...

    async def collect_owned(self, hook: str, **arguments: object) -> list[tuple[str, Any]]:
        """Return the same, each item with the name of its plugin."""
        ...

    async def run(
        self,
        plugin: str,
        work: Coroutine[Any, Any, T],
        *,
        what: str,
        timeout: float | None = None,
        expected: tuple[type[Exception], ...] = (),
    ) -> T:
        """Run a piece of a plugin's work, its bugs and hangs counted against it."""
        ...


class ExtensionPoints:
    """``ctx.kernel.hooks``: how a domain asks what others add to it."""

    def __init__(self) -> None:
        self._collector: Collector | None = None

    def bind(self, collector: Collector) -> None:
        """Connect to the loaded plugins; called by the loader."""
        self._collector = collector

    async def collect(self, hook: str, **arguments: object) -> list[Any]:
        """Return the items of every loaded plugin's sequence, in the order of loading.

        A plugin whose implementation fails is reported in its status and left out.

        Args:
            hook: Declared in the domain's ``hookspecs.py``.
            arguments: What the hook takes, beside ``ctx``.

        Raises:
            RuntimeError: Called before plugins are loaded.
        """
        return await self._bound(hook).collect(hook, **arguments)

    async def collect_owned(self, hook: str, **arguments: object) -> list[tuple[str, Any]]:
        """Return the same as :meth:`collect`, each item with the name of its plugin, for :meth:`run`."""
        return await self._bound(hook).collect_owned(hook, **arguments)

    async def run(
        self,
        plugin: str,
        work: Coroutine[Any, Any, T],
        *,
        what: str,
        timeout: float | None = None,
        expected: tuple[type[Exception], ...] = (),
    ) -> T:
        """Run what a plugin contributed; what goes wrong shows in that plugin's status, not in the caller's.

        Args:
            plugin: Whose code it is.
            work: A coroutine of its code.
            what: For status and log, such as ``busy times``; few different ones.
            timeout: Seconds; None for no limit.
            expected: Exceptions that are answers and no failures.

        Raises:
            PluginError: As the plugin raised it, or ``RetryLater`` while it is quarantined.
            PluginFailed: It raised anything else, or took too long.
        """
        return await self._bound(what).run(plugin, work, what=what, timeout=timeout, expected=expected)

    def _bound(self, what: str) -> Collector:
        if self._collector is None:
            raise RuntimeError(f"{what} was asked for before the plugins are loaded")
        return self._collector


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
    leases: Leases
    identity: Identity
    services: Services = field(default_factory=Services)
    hooks: ExtensionPoints = field(default_factory=ExtensionPoints)


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
    _made: dict[object, object] = field(default_factory=dict, repr=False)

    def service(self, kind: type[T]) -> T:
        """Return another plugin's service by the protocol in its ``api.py``."""
        return self.kernel.services.get(kind)

    @property
    def public_url(self) -> str:
        """How the world reaches this server: ``PUBLIC_URL``, or its host and port; no slash at the end."""
        return self.kernel.settings.own_url

    def sign(self, purpose: str, text: str) -> str:
        """Return a signature of ``text`` that only this server can make, for this plugin and purpose alone.

        HMAC-SHA256 in hex, with a key derived from ``SECRET_KEY``: for what a provider hands back, such as the token
        of a push channel. What comes back is checked with :meth:`is_signed`.
        """
        return _signature(self.kernel.settings, f"plugin/{self.name}/{purpose}", text)

    def is_signed(self, purpose: str, text: str, signature: str) -> bool:
        """Tell whether :meth:`sign` made ``signature`` of ``text``, now or with a previous secret key.

        Takes as long for one that is nearly right as for any other.
        """
        given = signature.encode("utf-8", "surrogatepass")
        made = [
            _signature(settings, f"plugin/{self.name}/{purpose}", text).encode()
            for settings in (self.kernel.settings, *self.kernel.settings.previous)
        ]
        return any(hmac.compare_digest(one, given) for one in made)

    def once(self, make: Callable[[PluginContext], T]) -> T:
        """Return ``make(self)``, made at the first call and kept: what several hooks of a plugin share."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast(T, self._made[make])


def _signature(settings: Settings, purpose: str, text: str) -> str:
    return hmac.new(
        settings.derive(purpose), text.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()
