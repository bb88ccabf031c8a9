"""The core's own tables, in the order in which they are migrated; domains and plugins come after."""

from __future__ import annotations

from rallypoint.storage.migrate import App

CORE_APPS = tuple(
    App(label, f"rallypoint.{label}.models")
    for label in ("storage", "identity", "web", "events", "webhooks", "connections", "jobs", "plugins")
)
