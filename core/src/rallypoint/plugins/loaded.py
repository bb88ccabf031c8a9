"""What a loaded plugin is: its manifest, its code, and everything it contributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rallypoint.plugins.context import PluginContext
from rallypoint.plugins.contributions import (
    AnyConnection,
    Channel,
    EventType,
    PluginSettings,
    Route,
    TargetKind,
    Task,
    WebhookSource,
)
from rallypoint.plugins.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Contributions:
    """What a plugin's registration hooks returned, checked one by one.

    Args:
        settings: The class of its settings.
        models: The module of its models, if it has tables.
        tables: Their names.
        sealed: Pairs of table and column that the vault encrypts (the module's ``SEALED``).
    """

    settings: type[PluginSettings] = PluginSettings
    models: str | None = None
    tables: tuple[str, ...] = ()
    sealed: tuple[tuple[str, str], ...] = ()
    events: tuple[EventType, ...] = ()
    services: Mapping[type, object] = field(default_factory=dict)
    connections: tuple[AnyConnection, ...] = ()
    routes: tuple[Route, ...] = ()
    webhooks: tuple[WebhookSource, ...] = ()
    target_kinds: tuple[TargetKind, ...] = ()
    tasks: tuple[Task, ...] = ()
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin whose contributions were all accepted.

    Args:
        name: Unique on the server.
        manifest: As read before its code ran.
        distribution: Where it comes from.
        version: Of that distribution.
        is_core: Whether it is one of the core's own domains.
        ctx: What its hooks are handed.
        module: The module or object with its hooks.
        contributions: What it brought.
    """

    name: str
    manifest: Manifest
    distribution: str
    version: str
    is_core: bool
    ctx: PluginContext
    module: object
    contributions: Contributions
