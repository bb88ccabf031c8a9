"""Installs small plugins for tests: a package and its distribution metadata in a folder, without pip."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from rallypoint.plugins.discovery import discover
from rallypoint.plugins.loader import Plugins, load
from rallypoint.role import Role
from rallypoint.settings import Settings

MANIFEST = """\
name = "{name}"
title = "{name}"
requires_rallypoint = ">=0.1"
[[prefixes]]
path = "/{name}"
"""


def install_plugin(
    site: Path,
    name: str,
    code: str = "",
    *,
    manifest: str | None = None,
    version: str = "1.0",
    distribution: str | None = None,
    package: str | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a plugin that importlib finds like one that pip installed.

    Args:
        site: A folder on ``sys.path``.
        name: Of the plugin.
        code: Of its ``__init__.py``; dedented.
        manifest: Its ``plugin.toml``; a valid one with the prefix ``/<name>`` when left out, none when empty.
        version: Of its distribution.
        distribution: Its name; ``rallypoint-<name>`` when left out.
        package: The package's name; ``rallypoint_<name>`` when left out.
        files: More files of the package, by their path in it.

    Returns:
        The package's folder.
    """
    package = package or f"rallypoint_{name}"
    folder = site / package
    manifest = MANIFEST.format(name=name) if manifest is None else dedent(manifest)
    written = {"__init__.py": dedent(code), "plugin.toml": manifest, **(files or {})}
    for path, text in written.items():
        if text or path.endswith(".py"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(dedent(text))
    _describe(site, distribution or f"rallypoint-{name}", version, f"{name} = {package}")
    return folder


@contextmanager
def on_path(site: Path) -> Iterator[None]:
    """Put a folder on ``sys.path``; afterwards the modules imported from it are forgotten too."""
    before = set(sys.modules)
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
                del sys.modules[name]


def install_folder(site: Path, folder: Path) -> None:
    """Install the plugin whose package is a copy of ``folder``; the folder's name is the plugin's."""
    name = folder.name
    shutil.copytree(folder, site / f"rallypoint_{name}")
    _describe(site, f"rallypoint-{name}", "1.0", f"{name} = rallypoint_{name}")


def load_installed(site: Path, settings: Settings) -> Plugins:
    """Load the core's domains and what is installed in ``site`` with the real loader, and nothing else.

    Args:
        site: A folder on ``sys.path``.
        settings: With a data directory of the test's own.

    Raises:
        StartRefused: As :func:`rallypoint.plugins.loader.load`.
    """
    from rallypoint.house import House

    house = House(settings, Role.server(settings))
    own = {path.name.partition("-")[0].replace("_", "-") for path in site.glob("*.dist-info")}
    found = [item for item in discover() if item.is_core or item.distribution in own]
    return load(house.kernel, registry=house.claims(), found=found)


def _describe(site: Path, distribution: str, version: str, entry_point: str) -> None:
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[rallypoint.plugins]\n{entry_point}\n")
