"""Fixtures that load small plugins with the real loader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from rallypoint.plugins.context import Kernel
from rallypoint.plugins.discovery import discover
from rallypoint.plugins.loader import Plugins, load
from rallypoint.plugins.registry import Registry
from rallypoint.settings import Settings
from rallypoint.storage.database import Database
from rallypoint.testing.install import on_path

Load = Callable[..., Plugins]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder on ``sys.path`` to install plugins in."""
    folder = tmp_path / "site"
    folder.mkdir()
    with on_path(folder):
        yield folder


@pytest.fixture
def load_plugins(site: Path, tmp_path: Path) -> Load:
    """Loads what is installed in ``site``, under settings given by name."""

    def run(registry: Registry | None = None, **values: Any) -> Plugins:
        settings = Settings(data_dir=tmp_path / "var", _env_file=None, **values)
        services = dict.fromkeys(("outbox", "jobs", "hub", "targets", "connections", "vault"))
        database = Database("", settings.data_dir)
        kernel = Kernel(settings=settings, database=database, **cast(Any, services))
        found = [item for item in discover() if item.distribution in _installed(site)]
        return load(kernel, registry=registry, found=found)

    return run


def _installed(site: Path) -> set[str]:
    return {path.name.partition("-")[0].replace("_", "-") for path in site.glob("*.dist-info")}
