"""Asks a plugin for its contributions, one registration hook after the other, and checks what it answers."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError
from tortoise.models import Model

from rallypoint.plugins.context import Kernel, PluginContext
from rallypoint.plugins.contributions import (
    ApiKeyConnection,
    Channel,
    EventType,
    OAuth2Connection,
    PluginSettings,
    Route,
    TargetKind,
    Task,
    WebhookSource,
)
from rallypoint.plugins.hooks import Hooks
from rallypoint.plugins.loaded import Contributions
from rallypoint.storage.apps import sealed_columns
from rallypoint.storage.store import Store

T = TypeVar("T")
MAX_ITEMS = 1000


class BadContribution(Exception):
    """A registration hook returned what it may not."""


class BadSettings(Exception):
    """A plugin's settings are missing or malformed; the message names the variables and no values."""


def read_settings(name: str, kind: type[PluginSettings]) -> PluginSettings:
    """Return a plugin's settings, read from ``RALLYPOINT_<NAME>_…``.

    Raises:
        BadSettings: One is missing or malformed.
    """
    prefix = f"RALLYPOINT_{name.upper()}_"
    try:
        return kind(_env_prefix=prefix)
    except ValidationError as error:
        lines = (f"{_variable(kind, prefix, item['loc'])}: {item['msg']}" for item in error.errors())
        raise BadSettings("; ".join(lines)) from None
    except SettingsError as error:
        raise BadSettings(f"{prefix}*: {error}") from None


def make_context(name: str, kernel: Kernel, settings: PluginSettings) -> PluginContext:
    """Return what a plugin's hooks are handed."""
    log = structlog.stdlib.get_logger("rallypoint.plugin").bind(plugin=name)
    return PluginContext(name, settings, log, kernel, Store(kernel.database, name))


class Collection:
    """One plugin's registration.

    Args:
        name: The plugin.
        hooks: With the plugin's implementations.
    """

    def __init__(self, name: str, hooks: Hooks) -> None:
        self._name, self._hooks = name, hooks

    def settings(self) -> type[PluginSettings]:
        """Return the class of its settings.

        Raises:
            BadContribution: It is something else.
        """
        kind = self._call("register_settings", {})
        if kind is None:
            return PluginSettings
        if not (inspect.isclass(kind) and issubclass(kind, PluginSettings)):
            raise BadContribution(f"register_settings must return a PluginSettings class, not {kind!r}")
        return kind

    def contributions(self, ctx: PluginContext) -> Contributions:
        """Call the other registration hooks in their documented order.

        Raises:
            BadContribution: One returned what it may not.
        """
        models = self._models()
        return Contributions(
            settings=type(ctx.settings),
            models=models,
            tables=_tables(models) if models else (),
            sealed=_sealed(models) if models else (),
            events=self._many("register_events", EventType, ctx),
            services=self._services(ctx),
            connections=self._many("register_connections", (ApiKeyConnection, OAuth2Connection), ctx),
            routes=self._many("register_routes", Route, ctx),
            webhooks=self._many("register_webhooks", WebhookSource, ctx),
            target_kinds=self._many("register_target_kinds", TargetKind, ctx),
            tasks=self._many("register_tasks", Task, ctx),
            channels=self._many("register_channels", Channel, ctx),
        )

    def _models(self) -> str | None:
        models = self._call("register_models", {})
        if models is not None and not isinstance(models, str):
            raise BadContribution(f"register_models must return a module's name, not {models!r}")
        return models

    def _services(self, ctx: PluginContext) -> Mapping[type, object]:
        services = self._call("register_services", {"ctx": ctx})
        if services is None:
            return {}
        if not isinstance(services, Mapping) or not all(inspect.isclass(kind) for kind in services):
            raise BadContribution("register_services must return objects by their protocol (a class)")
        return dict(services)

    def _many(self, hook: str, kind: type[T] | tuple[type[T], ...], ctx: PluginContext) -> tuple[T, ...]:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(each.__name__ for each in kinds)
        items = self._call(hook, {"ctx": ctx})
        if items is None:
            return ()
        if not isinstance(items, Sequence) or isinstance(items, str):
            raise BadContribution(f"{hook} must return a list of {names}, not {items!r}")
        if len(items) > MAX_ITEMS:
            raise BadContribution(f"{hook} returned {len(items)} items; {MAX_ITEMS} are allowed")
        for index, item in enumerate(items):
            if not isinstance(item, kinds):
                raise BadContribution(f"{hook} item {index} must be a {names}, not {item!r}")
        return tuple(items)

    def _call(self, hook: str, arguments: Mapping[str, Any]) -> Any:
        implementation = self._hooks.implementation(self._name, hook)
        if implementation is None:
            return None
        return implementation.function(*(arguments[name] for name in implementation.argnames))


def _tables(models: str) -> tuple[str, ...]:
    module = importlib.import_module(models)
    return tuple(
        member.Meta.table if hasattr(member.Meta, "table") else member.__name__.lower()
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, Model) and member.__module__ == module.__name__
        if not member._meta.abstract
    )


def _sealed(models: str) -> tuple[tuple[str, str], ...]:
    """Return the encrypted columns that a models module declares, all of its own tables."""
    try:
        sealed = sealed_columns(importlib.import_module(models))
    except (TypeError, ValueError):
        raise BadContribution(f"SEALED of {models} must be pairs of a table and a column") from None
    if foreign := {table for table, _ in sealed} - set(_tables(models)):
        raise BadContribution(
            f"SEALED of {models} names tables that are not its own: {', '.join(sorted(foreign))}"
        )
    return sealed


def _variable(kind: type[PluginSettings], prefix: str, place: tuple[int | str, ...]) -> str:
    """Return the environment variable of a field; one with an alias of its own is reported by it."""
    name = str(place[0]) if place else ""
    field = kind.model_fields.get(name)
    return f"{prefix}{name.upper()}" if field is not None and field.validation_alias is None else name
