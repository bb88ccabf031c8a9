"""Every installed integration: those that plugins describe, and one for each connection they only declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rallypoint.connections.services import Service
from rallypoint.domains.integrations.api import IntegrationSource
from rallypoint.domains.integrations.defaults import camel

_KEY = re.compile(r"[a-z][A-Za-z0-9]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """An integration and the plugin whose code it runs."""

    plugin: str
    source: IntegrationSource


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What there is.

    Args:
        entries: By key.
        problems: What was left out and why, for the operator.
    """

    entries: Mapping[str, Entry]
    problems: tuple[str, ...] = ()


def catalogue(own: Iterable[tuple[str, Any]], services: Mapping[str, Service]) -> Catalogue:
    """Put together what plugins returned and what they declare.

    Args:
        own: Plugins and what each returned from ``integration_status``.
        services: Declared connections by name.
    """
    entries: dict[str, Entry] = {}
    problems = []
    for plugin, source in own:
        if problem := _problem(entries, plugin, source):
            problems.append(problem)
        else:
            entries[source.key] = Entry(plugin, source)
    shown = {entry.source.service for entry in entries.values()}
    for name, service in services.items():
        if name not in shown:
            key = camel(name)
            entries.setdefault(key, Entry(service.plugin, _plain(key, name, service)))
    ordered = sorted(entries.items(), key=lambda item: item[1].source.title.casefold())
    return Catalogue(dict(ordered), tuple(problems))


def _plain(key: str, name: str, service: Service) -> IntegrationSource:
    return IntegrationSource(key, service.declared.title, service=name)


def _problem(entries: Mapping[str, Entry], plugin: str, source: object) -> str:
    if not isinstance(source, IntegrationSource):
        return f"{plugin} returned {type(source).__name__} from integration_status, not an IntegrationSource"
    if not _KEY.fullmatch(source.key):
        return f"{plugin} names an integration {source.key!r}, which is not camelCase"
    if source.key in entries:
        return f"{plugin} names an integration {source.key!r}, which {entries[source.key].plugin} has"
    if not source.service and (source.status is None or source.section is None):
        return f"{plugin}'s integration {source.key!r} names no service to make its status and section from"
    return ""
