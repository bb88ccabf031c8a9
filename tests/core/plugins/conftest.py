"""Fixtures that load small plugins with the real loader into a real, unopened house."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rallypoint.plugins.loader import Plugins
from rallypoint.settings import Settings
from rallypoint.testing.install import load_installed, on_path

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
    """Loads the core's domains and what is installed in ``site``, under settings given by name."""

    def run(**values: Any) -> Plugins:
        values = {"data_dir": tmp_path / "var", "secret_key": "k" * 40, "load_timeout": 3.0, **values}
        return load_installed(site, Settings(_env_file=None, **values))

    return run
