"""What every plugin has claimed; says who claims a thing twice before any of it takes effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rallypoint.plugins.loaded import Contributions
from rallypoint.plugins.manifest import Manifest
from rallypoint.plugins.territory import anonymous, covers, nearest, reaches_into, topics_meet

CORE_OWNER = "the core"


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that only one plugin may have.

    Args:
        kind: In words, as the report says it.
        key: What must be unique among claims of its kind.
        owner: The plugin.
    """

    kind: str
    key: str
    owner: str


class Registry:
    """The claims of all accepted plugins and of the core.

    Args:
        routes: The core's own, as (method, path).
        prefixes: The core's own.
        tables: The core's own.
        topics: The core's own channel patterns.
    """

    def __init__(
        self,
        *,
        routes: Iterable[tuple[str, str]] = (),
        prefixes: Iterable[str] = (),
        tables: Iterable[str] = (),
        topics: Iterable[str] = (),
    ) -> None:
        self._claims: dict[tuple[str, str], str] = {}
        self._add(Claim("route", _route(*route), CORE_OWNER) for route in routes)
        self._add(Claim("prefix", prefix, CORE_OWNER) for prefix in prefixes)
        self._add(Claim("table", table, CORE_OWNER) for table in tables)
        self._add(Claim("topic", topic, CORE_OWNER) for topic in topics)

    def problems(self, manifest: Manifest, contributions: Contributions) -> list[str]:
        """Return what is wrong with a plugin's contributions, one sentence each; empty when nothing is."""
        wanted = list(_claims(manifest, contributions))
        return [
            *self._taken(wanted),
            *_repeated(wanted),
            *self._misplaced(manifest, wanted),
            *self._swallowed(manifest),
            *_stray_tables(manifest, contributions),
            *_stray_kinds(manifest.name, contributions),
            *self._nested_tables(manifest),
            *self._shared_topics(manifest.name, contributions),
            *_repeated_tasks(manifest.name, contributions),
        ]

    def accept(self, manifest: Manifest, contributions: Contributions) -> None:
        """Record the claims of a plugin without problems."""
        self._add(_claims(manifest, contributions))

    def release(self, owner: str) -> None:
        """Forget a plugin's claims."""
        self._claims = {key: name for key, name in self._claims.items() if name != owner}

    def _add(self, claims: Iterable[Claim]) -> None:
        self._claims.update({(claim.kind, claim.key): claim.owner for claim in claims})

    def _of_kind(self, kind: str, but: str) -> dict[str, str]:
        return {
            key: owner for (its_kind, key), owner in self._claims.items() if its_kind == kind and owner != but
        }

    def _taken(self, wanted: list[Claim]) -> Iterator[str]:
        for claim in wanted:
            owner = self._claims.get((claim.kind, claim.key))
            if owner is not None and claim.kind != "topic":
                yield f"{claim.owner} claims the {claim.kind} {claim.key}, which {owner} has"

    def _misplaced(self, manifest: Manifest, wanted: list[Claim]) -> Iterator[str]:
        others = self._of_kind("prefix", manifest.name)
        own = {prefix.path for prefix in manifest.prefixes}
        for route in (claim.key for claim in wanted if claim.kind == "route"):
            place = nearest({*others, *own}, route.partition(" ")[2])
            if place is None or place not in own:
                where = f"under {place}, which {others[place]} has" if place else "under none of its prefixes"
                yield f"{manifest.name} has the route {route} {where}"

    def _swallowed(self, manifest: Manifest) -> Iterator[str]:
        theirs = self._of_kind("prefix", manifest.name)
        for prefix in (item.path for item in manifest.prefixes):
            for route, owner in self._of_kind("route", manifest.name).items():
                path = route.partition(" ")[2]
                shielded = any(covers(prefix, other) and covers(other, path) for other in theirs)
                if reaches_into(path, prefix) and not shielded:
                    yield f"{manifest.name} claims the prefix {prefix}, where {owner} has the route {route}"

    def _nested_tables(self, manifest: Manifest) -> Iterator[str]:
        for prefix, owner in self._of_kind("table prefix", manifest.name).items():
            if prefix != manifest.prefix_of_tables and _either_starts(prefix, manifest.prefix_of_tables):
                mine = manifest.prefix_of_tables
                yield f"the table prefix {mine} of {manifest.name} overlaps {prefix} of {owner}"
            for table in (table for table in manifest.tables if table.startswith(prefix)):
                yield f"{manifest.name} names the table {table}, which the table prefix {prefix} of {owner} covers"
        for table, owner in self._of_kind("table", manifest.name).items():
            if table.startswith(manifest.prefix_of_tables) and not self._prefixed(table, owner):
                whose = "the core's table" if owner == CORE_OWNER else f"{owner}'s table"
                yield f"the table prefix {manifest.prefix_of_tables} of {manifest.name} covers {whose} {table}"

    def _prefixed(self, table: str, owner: str) -> bool:
        prefixes = (
            key for (kind, key), name in self._claims.items() if kind == "table prefix" and name == owner
        )
        return any(table.startswith(prefix) for prefix in prefixes)

    def _shared_topics(self, name: str, contributions: Contributions) -> Iterator[str]:
        for channel in contributions.channels:
            for pattern, owner in self._of_kind("topic", name).items():
                if topics_meet(pattern, channel.pattern):
                    yield f"{name} claims the topic {channel.pattern}, which {owner} has as {pattern}"


def _claims(manifest: Manifest, contributions: Contributions) -> Iterator[Claim]:
    keys: dict[str, Iterable[str]] = {
        "prefix": (prefix.path for prefix in manifest.prefixes),
        "table prefix": [manifest.prefix_of_tables] if contributions.models else [],
        "command": (command.name for command in manifest.commands),
        "route": [
            *(_route(route.method, route.path) for route in contributions.routes),
            *(_route("POST", source.path) for source in contributions.webhooks),
        ],
        "table": [*contributions.tables, *(set(manifest.tables) - set(contributions.tables))],
        "event": (event.name for event in contributions.events),
        "connection service": (connection.service for connection in contributions.connections),
        "webhook provider": (source.provider for source in contributions.webhooks),
        "kind of targets": (kind.kind for kind in contributions.target_kinds),
        "service": (f"{kind.__module__}.{kind.__qualname__}" for kind in contributions.services),
        "topic": (channel.pattern for channel in contributions.channels),
    }
    for kind, names in keys.items():
        for name in names:
            yield Claim(kind, name, manifest.name)


def _route(method: str, path: str) -> str:
    return f"{method} {anonymous(path)}"


def _repeated(wanted: list[Claim]) -> Iterator[str]:
    for claim in {claim for claim in wanted if wanted.count(claim) > 1}:
        yield f"{claim.owner} claims the {claim.kind} {claim.key} twice"


def _repeated_tasks(name: str, contributions: Contributions) -> Iterator[str]:
    names = [task.name for task in contributions.tasks]
    for task in sorted({task for task in names if names.count(task) > 1}):
        yield f"{name} has two tasks called {task}"


def _stray_tables(manifest: Manifest, contributions: Contributions) -> Iterator[str]:
    for table in contributions.tables:
        if not manifest.has_table(table):
            prefix = manifest.prefix_of_tables
            yield f"the table {table} of {manifest.name} neither starts with {prefix} nor is named in its manifest"


def _stray_kinds(name: str, contributions: Contributions) -> Iterator[str]:
    for kind in contributions.target_kinds:
        if not kind.kind.startswith(f"{name}."):
            yield f"the kind of targets {kind.kind} of {name} does not start with {name}."


def _either_starts(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
