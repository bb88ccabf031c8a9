"""The plugins of this process: which are loaded, how each is, and how to call them."""

from __future__ import annotations

from rallypoint.plugins.context import Kernel
from rallypoint.plugins.discovery import Discovered
from rallypoint.plugins.dispatch import Dispatcher
from rallypoint.plugins.failures import REMEDIES
from rallypoint.plugins.hooks import Hooks
from rallypoint.plugins.loaded import Contributions, LoadedPlugin
from rallypoint.plugins.manifest import Manifest
from rallypoint.plugins.registry import Registry
from rallypoint.plugins.status import PluginStatus, Status, StatusBoard

_BAD: frozenset[Status] = frozenset({"failed", "incompatible", "needs_config"})


class StartRefused(Exception):
    """The server must not start; the message is for the operator."""


class Plugins:
    """What the loader made.

    Args:
        kernel: The core's services.
        registry: With the core's own claims.
        found: Everything installed.
    """

    def __init__(self, kernel: Kernel, registry: Registry, found: list[Discovered]) -> None:
        self.found = found
        self.board = StatusBoard()
        self.hooks = Hooks()
        self.registry = registry
        self._kernel = kernel
        self._loaded: dict[str, LoadedPlugin] = {}
        self._by_name = {item.name: item for item in found}
        settings = kernel.settings
        self.dispatch = Dispatcher(
            self._loaded,
            self.hooks,
            self.board,
            hook_timeout=settings.hook_timeout,
            block_timeout=settings.hook_block_timeout,
        )
        kernel.hooks.bind(self.dispatch)

    @property
    def loaded(self) -> list[LoadedPlugin]:
        """The plugins in force, in the order of loading."""
        return list(self._loaded.values())

    @property
    def away(self) -> list[tuple[Manifest, Status]]:
        """What is installed and wanted but not loaded, where it claims nothing that others have."""
        bad = [(item.manifest, self.board.get(item.name).status) for item in self.found]
        return [
            (manifest, status)
            for manifest, status in bad
            if manifest and status in _BAD and not self.registry.problems(manifest, Contributions())
        ]

    @property
    def statuses(self) -> list[PluginStatus]:
        """How every discovered plugin is: core domains first, then by name."""
        return [self.board.get(item.name) for item in self.found]

    def accept(self, plugin: LoadedPlugin) -> None:
        """Let a checked plugin take effect."""
        self.registry.accept(plugin.manifest, plugin.contributions)
        self._kernel.services.add(plugin.contributions.services)
        self._loaded[plugin.name] = plugin
        self.put(self._by_name[plugin.name], "active")

    def drop(self, name: str, stage: str, reason: str, remedy: str = "", status: Status = "failed") -> None:
        """Take a loaded plugin out again before its routes are mounted, such as when its migration fails.

        Args:
            name: The plugin.
            stage: Where it failed.
            reason: Why, for the operator.
            remedy: What to do; the stage's usual one when left out.
            status: ``incompatible`` for a schema newer than the code.

        Raises:
            StartRefused: Under ``RALLYPOINT_STRICT_PLUGINS``.
        """
        plugin = self._loaded.pop(name)
        self._kernel.services.remove(plugin.contributions.services)
        self.registry.release(name)
        self.hooks.unregister(name)
        self.put(self._by_name[name], status, stage, reason, remedy or REMEDIES.get(stage, ""))
        self.note_sleepers()
        self.refuse_bad()

    def put(
        self, item: Discovered, status: Status, stage: str = "", reason: str = "", remedy: str = ""
    ) -> None:
        """Record how a discovered plugin is."""
        plugin = self._loaded.get(item.name)
        routes = plugin.contributions.routes if plugin else ()
        self.board.put(
            PluginStatus(
                name=item.name,
                distribution=item.distribution,
                version=item.version,
                title=item.title,
                status=status,
                stage=stage,
                reason=reason,
                remedy=remedy,
                capabilities=item.manifest.capabilities if item.manifest else (),
                routes=tuple(f"{route.method} {route.path}" for route in routes),
            )
        )

    def note_sleepers(self) -> None:
        """Say in the status of active plugins which of their hooks sleep because the domain is off."""
        for name in self._loaded:
            asleep = [hook for hook, owner in self.hooks.foreign(name).items() if owner not in self._loaded]
            if asleep:
                reason = f"asleep, because what calls them is not loaded: {', '.join(sorted(asleep))}"
                self.put(self._by_name[name], "active", "hooks", reason)

    def refuse_bad(self) -> None:
        """Refuse to start with a bad plugin, when the operator asked for that.

        Raises:
            StartRefused: ``RALLYPOINT_STRICT_PLUGINS`` is on and a plugin is bad.
        """
        bad = [status for status in self.statuses if status.status in _BAD]
        if self._kernel.settings.strict_plugins and bad:
            lines = (f"{item.name} ({item.distribution}) {item.status}: {item.reason}" for item in bad)
            raise StartRefused("RALLYPOINT_STRICT_PLUGINS is on and " + "; ".join(lines))
