"""Fixtures that every test of the core may use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rallypoint.app import App, build
from rallypoint.settings import Settings
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.ids import new_id
from rallypoint.storage.migrate import applied, migrate
from rallypoint.testing.server import ServerProcess
from support import columns


def pytest_report_header() -> str:
    return "; ".join(filter(None, [f"columns: {', '.join(columns.available())}", columns.missing()]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a PostgreSQL that is not here: ``test_columns`` says so once for all of it."""
    if columns.missing() and not columns.REQUIRED:
        left_out = [item for item in items if columns.needs_postgresql(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[columns.PostgreSQL]:
    """PostgreSQL databases of this run."""
    columns.require_postgresql()
    made = columns.PostgreSQL()
    yield made
    made.drop()


@pytest.fixture(scope="session", params=columns.available())
def column(request: pytest.FixtureRequest) -> str:
    """``sqlite`` and ``postgresql`` in turn: whatever uses a database is tested on both."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(column: str, request: pytest.FixtureRequest) -> str:
    """An empty database's URL; empty for the embedded default in ``tmp_path``."""
    if column == "sqlite":
        return ""
    made: columns.PostgreSQL = request.getfixturevalue("postgresql")
    return made.shared()


@pytest_asyncio.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An open database of its own with the core's tables."""
    opened = Database(database_url, tmp_path)
    await opened.open({app.label: [app.models] for app in CORE_APPS})
    try:
        if opened.is_sqlite:
            for app in CORE_APPS:
                await migrate(opened, app, await applied(opened))
        yield opened
    finally:
        await opened.close()


@pytest_asyncio.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncIterator[App]:
    """An open server without its socket: the domains alone, for tests that call services."""
    settings = Settings(
        data_dir=tmp_path,
        database_url=database_url,
        serve_jobs=True,
        secret_key="x" * 32,
        safe_mode=True,
        allow_private_targets=True,
        rate_limits=False,
    )
    built = build(settings)
    try:
        await built.opening.open()
        yield built
    finally:
        await built.opening.close()


@pytest.fixture(scope="session")
def server_env(column: str, request: pytest.FixtureRequest) -> Callable[[], dict[str, str]]:
    """Returns the variables of a server on this column, each time with a new database."""

    def make() -> dict[str, str]:
        if column == "sqlite":
            return {}
        made: columns.PostgreSQL = request.getfixturevalue("postgresql")
        return {
            "RALLYPOINT_DATABASE_URL": made.fresh(),
            "RALLYPOINT_SECRET_KEY": columns.SECRET_KEY,
            "RALLYPOINT_SERVE_JOBS": "on",
        }

    return make


@pytest.fixture(scope="session")
def server(
    server_env: Callable[[], dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A running server that all tests of a column share; each test registers accounts of its own."""
    env = {"RALLYPOINT_RATE_LIMITS": "off", "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on", **server_env()}
    with ServerProcess(tmp_path_factory.mktemp("server"), env) as running:
        yield running


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
