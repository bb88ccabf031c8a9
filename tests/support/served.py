"""A served Rallypoint on each database and accounts on it, as fixtures; a plugin's conftest imports them too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rallypoint.storage.ids import new_id
from rallypoint.testing.server import ServerProcess
from support import columns


@pytest.fixture(scope="session")
def postgresql() -> Iterator[columns.PostgreSQL]:
    """PostgreSQL databases of this run."""
    columns.require_postgresql()
    made = columns.PostgreSQL()
    yield made
    made.drop()


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> columns.SQLite:
    """Databases of the embedded column."""
    return columns.SQLite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session", params=columns.available())
def column(request: pytest.FixtureRequest) -> str:
    """``sqlite`` and ``postgresql`` in turn: whatever uses a database is tested on both."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def new_database(
    column: str, sqlite: columns.SQLite, request: pytest.FixtureRequest
) -> Callable[[Path], str]:
    """Makes a database with all tables and no rows, and returns its URL; SQLite's lies in the folder given."""
    if column == "sqlite":
        return sqlite.fresh
    made: columns.PostgreSQL = request.getfixturevalue("postgresql")
    return lambda _data_dir: made.fresh()


@pytest.fixture
def database_url(column: str, sqlite: columns.SQLite, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a database with all tables and no rows; SQLite's is the embedded default of ``tmp_path``."""
    if column == "sqlite":
        return sqlite.fresh(tmp_path)
    made: columns.PostgreSQL = request.getfixturevalue("postgresql")
    return made.shared()


@pytest.fixture(scope="session")
def server_env(column: str, request: pytest.FixtureRequest) -> Callable[[], dict[str, str]]:
    """Returns the variables of a server on this column, each time with a new database."""

    def make() -> dict[str, str]:
        if column == "sqlite":
            return {}
        made: columns.PostgreSQL = request.getfixturevalue("postgresql")
        return {**columns.variables(made.fresh()), "RALLYPOINT_SERVE_JOBS": "on"}

    return make


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, ServerProcess]]:
    """The running servers by column: each outlives the turns that the columns take, file by file."""
    running: dict[str, ServerProcess] = {}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture(scope="session")
def server(
    column: str,
    servers: dict[str, ServerProcess],
    server_env: Callable[[], dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> ServerProcess:
    """A running server that all tests of a column share; each test registers accounts of its own."""
    if column not in servers:
        env = {"RALLYPOINT_RATE_LIMITS": "off", "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on", **server_env()}
        made = ServerProcess(tmp_path_factory.mktemp("server"), env)
        made.start()
        servers[column] = made
    return servers[column]


class Caller:
    """An account of its own on the shared server."""

    def __init__(self, server: ServerProcess, token: str) -> None:
        self.server = server
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request and return status and reply; underscores in header names become hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.request(method, path, body, token=self.token, headers=named)


@pytest.fixture
def new_caller(server: ServerProcess) -> Callable[[], Caller]:
    """Registers a fresh account at every call."""
    return lambda: Caller(server, server.register(f"{new_id()}@example.com"))


@pytest.fixture
def alice(new_caller: Callable[[], Caller]) -> Caller:
    """A caller with an account of her own."""
    return new_caller()


@pytest.fixture
def bob(new_caller: Callable[[], Caller]) -> Caller:
    """A caller with another account."""
    return new_caller()
