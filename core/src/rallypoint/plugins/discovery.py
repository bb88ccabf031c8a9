"""Finds the installed plugins and their manifests without importing any of them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

from rallypoint.plugins.manifest import FILE_NAME, Manifest, ManifestError, read_manifest

GROUP = "rallypoint.plugins"
CORE = "rallypoint"


@dataclass(frozen=True, slots=True)
class Discovered:
    """An installed plugin, whether or not it is any good.

    Args:
        name: Of its entry point.
        distribution: Which ``pip uninstall`` removes it.
        version: Of that distribution.
        target: The entry point's value: ``module`` or ``module:object``.
        manifest: None when it cannot be used.
        problem: Why not.
    """

    name: str
    distribution: str
    version: str
    target: str
    manifest: Manifest | None = None
    problem: str = ""

    @property
    def is_core(self) -> bool:
        """Whether it is one of the core's own domains."""
        return self.distribution == CORE

    @property
    def title(self) -> str:
        """For people."""
        return self.manifest.title if self.manifest else self.name


def discover() -> list[Discovered]:
    """Return every installed plugin, core domains first, then by name; broken ones too."""
    found = sorted(_all(), key=lambda item: (not item.is_core, item.name, item.distribution))
    return list(_distinct(found))


def _all() -> Iterator[Discovered]:
    seen: set[str] = set()
    for distribution in distributions():
        if GROUP not in (distribution.read_text("entry_points.txt") or ""):
            continue  # before its metadata is parsed, which takes half a millisecond of every start for each
        name = _canonical(distribution.metadata["Name"] or "")
        if name and name not in seen:  # the first on sys.path is the one that imports
            seen.add(name)
            yield from _of(distribution, name)


def _of(distribution: Distribution, name: str) -> Iterator[Discovered]:
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
    except Exception as error:
        # One broken entry_points.txt must not hide everybody else's.
        problem = f"its entry points cannot be read: {error}"
        yield Discovered(name, name, distribution.version, "", problem=problem)
        return
    for point in points:
        yield _read(point, Discovered(point.name, name, distribution.version, point.value))


def _read(point: EntryPoint, found: Discovered) -> Discovered:
    try:
        manifest = read_manifest(_locate(point.module))
    except ManifestError as error:
        return replace(found, problem=str(error))
    except Exception as error:
        return replace(found, problem=f"{point.value!r} names no module: {error}")
    if manifest.name != found.name:
        return replace(found, problem=f"the manifest says {manifest.name!r}, the entry point {found.name!r}")
    return replace(found, manifest=manifest)


def _locate(module: str) -> Path:
    """Return where the manifest of ``module`` lies.

    Only the top-level package is looked up: finding a submodule's spec would import its parents.
    """
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise ManifestError(f"{top!r} is not an installed package, so it has no {FILE_NAME}")
    for location in spec.submodule_search_locations:
        folder = Path(location, *rest)
        path = (folder if folder.is_dir() else folder.parent) / FILE_NAME
        if path.is_file():
            return path
    raise ManifestError(f"{module!r} has no {FILE_NAME} beside it; is it missing from the package data?")


def _distinct(found: list[Discovered]) -> Iterator[Discovered]:
    owners: dict[str, Discovered] = {}
    for item in found:
        first = owners.setdefault(item.name, item)
        if first is item:
            yield item
        else:
            problem = f"the name {item.name!r} is taken by the distribution {first.distribution}"
            unique = f"{item.name}@{item.distribution}"
            yield replace(item, name=unique, manifest=None, problem=problem)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
