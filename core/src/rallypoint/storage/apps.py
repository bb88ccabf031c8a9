"""The core's own tables, in the order in which they are migrated; domains and plugins come after."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

from tortoise.models import Model

from rallypoint.storage.migrate import App

CORE_APPS = tuple(
    App(label, f"rallypoint.{label}.models")
    for label in ("storage", "identity", "web", "events", "webhooks", "connections", "jobs", "plugins")
)


def sealed_columns(module: ModuleType) -> tuple[tuple[str, str], ...]:
    """Return what a models module's ``SEALED`` declares: the columns that the vault encrypts, each with its table."""
    return tuple((str(table), str(column)) for table, column in getattr(module, "SEALED", ()))


def core_sealed() -> list[tuple[str, str]]:
    """Return the core's own columns that the vault encrypts."""
    return [pair for app in CORE_APPS for pair in sealed_columns(importlib.import_module(app.models))]


def core_tables() -> list[str]:
    """Return the names of the core's own tables, which no plugin may claim."""
    modules = [importlib.import_module(app.models) for app in CORE_APPS]
    models = [model for module in modules for _, model in inspect.getmembers(module, inspect.isclass)]
    return [model._meta.db_table for model in models if issubclass(model, Model) and model._meta.db_table]
