"""Which plugins the operator wants: the settings that leave some, or all, out."""

from __future__ import annotations

from collections.abc import Sequence

from rallypoint.plugins.discovery import Discovered
from rallypoint.settings import Settings


def unknown(settings: Settings, found: Sequence[Discovered]) -> list[str]:
    """Return the names in ``RALLYPOINT_PLUGINS`` that no installed plugin has."""
    names = {item.name for item in found}
    return [name for name in settings.plugins if name not in names]


def exclusion(settings: Settings, item: Discovered) -> str:
    """Return why the operator's settings leave a plugin out; empty when they do not.

    ``RALLYPOINT_PLUGINS`` and safe mode choose among providers; a domain of the core is switched off by name.
    """
    if item.name in settings.disabled_plugins:
        return "RALLYPOINT_DISABLED_PLUGINS names it"
    if item.is_core:
        return ""
    if settings.safe_mode:
        return "RALLYPOINT_SAFE_MODE is on"
    if settings.plugins and item.name not in settings.plugins:
        return "RALLYPOINT_PLUGINS does not name it"
    return ""
