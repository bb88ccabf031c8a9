"""Loads plugins before the event loop runs: each as a whole or not at all, whatever its code does.

Import and registration of one plugin happen under a deadline on the main thread, with a crash marker on disk.
All that a plugin wants is collected and checked before any of it takes effect.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import rallypoint
from rallypoint.plugins.collect import BadSettings, Collection, make_context, read_settings
from rallypoint.plugins.context import Kernel
from rallypoint.plugins.deadline import deadline
from rallypoint.plugins.discovery import GROUP, Discovered, discover
from rallypoint.plugins.failures import CRASH_REMEDY, REMEDIES, describe
from rallypoint.plugins.loaded import LoadedPlugin
from rallypoint.plugins.manifest import Manifest
from rallypoint.plugins.markers import FOLDER, CrashMarkers
from rallypoint.plugins.modes import exclusion, unknown
from rallypoint.plugins.plugins import Plugins, StartRefused
from rallypoint.plugins.redaction import secrets_of
from rallypoint.plugins.registry import Registry
from rallypoint.plugins.status import Status

__all__ = ["Plugins", "StartRefused", "load"]


def load(
    kernel: Kernel, *, registry: Registry | None = None, found: Iterable[Discovered] | None = None
) -> Plugins:
    """Load every plugin that the settings allow; called once, on the main thread, before the event loop.

    Args:
        kernel: The core's services, made but not open yet.
        registry: With the core's own claims.
        found: What is installed; discovered when left out.

    Raises:
        StartRefused: A name in ``RALLYPOINT_PLUGINS`` is unknown, or a plugin is bad under
            ``RALLYPOINT_STRICT_PLUGINS``.
    """
    installed = discover() if found is None else list(found)
    if names := unknown(kernel.settings, installed):
        raise StartRefused(f"RALLYPOINT_PLUGINS names {', '.join(names)}, which is not installed")
    plugins = Plugins(kernel, registry or Registry(), installed)
    _Loader(kernel, plugins).run()
    plugins.note_sleepers()
    plugins.refuse_bad()
    return plugins


class _Failure(Exception):
    """A plugin cannot be loaded; carries what its status will say."""

    def __init__(self, status: Status, stage: str, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.status, self.stage, self.reason = status, stage, reason
        self.remedy = remedy or REMEDIES.get(stage, "")


@dataclass(slots=True)
class _Progress:
    stage: str = "import"


class _Loader:
    def __init__(self, kernel: Kernel, plugins: Plugins) -> None:
        self._kernel, self._plugins = kernel, plugins
        self._markers = CrashMarkers(kernel.settings.data_dir / FOLDER)

    def run(self) -> None:
        """Add everybody's hooks first, then load one plugin after the other."""
        wanted = [item for item in self._plugins.found if self._attempt(item, self._prepare)]
        for item in wanted:
            self._attempt(item, self._load)

    def _attempt(self, item: Discovered, step: Callable[[Discovered], None]) -> bool:
        try:
            step(item)
        except _Failure as failure:
            self._plugins.hooks.unregister(item.name)
            self._plugins.put(item, failure.status, failure.stage, failure.reason, failure.remedy)
            return False
        return True

    def _prepare(self, item: Discovered) -> None:
        """Add the hooks that a plugin declares; a core domain's even when it is off, so that typos show."""
        excluded = exclusion(self._kernel.settings, item)
        if item.manifest and item.manifest.hookspecs and (item.is_core or not excluded):
            _check_version(item.manifest)
            with self._guarded(item):
                self._plugins.hooks.add_specs(item.name, importlib.import_module(item.manifest.hookspecs))
        if excluded:
            raise _Failure("disabled", "", excluded, "change the setting, then restart")

    def _load(self, item: Discovered) -> None:
        if item.manifest is None:
            raise _Failure("failed", "manifest", item.problem)
        _check_version(item.manifest)
        with self._guarded(item) as progress:
            plugin = self._collected(item, item.manifest, progress)
        if problems := self._plugins.registry.problems(plugin.manifest, plugin.contributions):
            raise _Failure("failed", "check", "; ".join(problems))
        self._plugins.accept(plugin)

    def _collected(self, item: Discovered, manifest: Manifest, progress: _Progress) -> LoadedPlugin:
        module = EntryPoint(item.name, item.target, GROUP).load()
        progress.stage = "registration"
        self._plugins.hooks.register(item.name, module)
        collection = Collection(item.name, self._plugins.hooks)
        settings = read_settings(item.name, collection.settings())
        self._plugins.board.keep_secret(item.name, secrets_of(settings))
        ctx = make_context(item.name, self._kernel, settings)
        return LoadedPlugin(
            name=item.name,
            manifest=manifest,
            distribution=item.distribution,
            version=item.version,
            is_core=item.is_core,
            ctx=ctx,
            module=module,
            contributions=collection.contributions(ctx),
        )

    @contextmanager
    def _guarded(self, item: Discovered) -> Iterator[_Progress]:
        """Run a plugin's code under a deadline and a crash marker; whatever it raises becomes its status."""
        progress = _Progress()
        with self._markers.watch(item.name, item.version) as crashed:
            if crashed:
                reason = "it took the process down while it was being loaded"
                raise _Failure("failed", "import", reason, CRASH_REMEDY.format(name=item.name))
            try:
                with deadline(self._kernel.settings.load_timeout, f"loading {item.name}"):
                    yield progress
            except BadSettings as error:
                raise _Failure("needs_config", "settings", str(error)) from error
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # also SystemExit, and the deadline's own
                raise _Failure("failed", progress.stage, describe(error)) from error


def _check_version(manifest: Manifest) -> None:
    if not manifest.accepts(rallypoint.__version__):
        wanted = manifest.requires_rallypoint
        reason = f"it works with rallypoint {wanted}; this is {rallypoint.__version__}"
        raise _Failure("incompatible", "manifest", reason, "install a version of it made for this core")
