"""Fixtures that load small plugins with the real loader into a real, unopened house."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rallypoint.plugins.loader import Plugins
from rallypoint.settings import Settings
from rallypoint.testing.install import load_installed, on_path
from support.cluster import Cluster
from support.columns import PostgreSQL
from support.redis_server import RedisServer, missing_binary

Load = Callable[..., Plugins]
NewCluster = Callable[..., Cluster]


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


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    if reason := missing_binary():
        pytest.skip(reason)
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_cluster(tmp_path: Path, redis_server: RedisServer, postgresql: PostgreSQL) -> Iterator[NewCluster]:
    """Starts two server processes on a database and a Redis of their own, under settings given by name."""
    made: list[Cluster] = []

    def start(**env: str) -> Cluster:
        made.append(Cluster(tmp_path, redis_server, postgresql.fresh(), **env))
        made[-1].start()
        return made[-1]

    yield start
    for cluster in made:
        cluster.stop()


@pytest.fixture
def cluster(new_cluster: NewCluster) -> Cluster:
    """Two running server processes."""
    return new_cluster()
