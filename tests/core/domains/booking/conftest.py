"""A practitioner to book, and a server with a plugin that makes meetings and knows busy times."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from rallypoint.app import App, build
from rallypoint.domains.booking.domain import BookingDomain
from rallypoint.identity.api import Principal
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.ids import new_id
from rallypoint.testing.install import install_folder, on_path

ACME = Path(__file__).parent / "acmemeet"


@pytest_asyncio.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncIterator[App]:
    """An open server without its socket: the domains and Acme's meetings."""
    site = tmp_path / "site"
    site.mkdir()
    install_folder(site, ACME)
    chosen = Settings(
        data_dir=tmp_path / "var",
        database_url=database_url,
        serve_jobs=True,
        secret_key="x" * 32,
        plugins=("acmemeet",),
        allow_private_targets=True,
        rate_limits=False,
    )
    with on_path(site):
        built = build(chosen)
        try:
            await built.opening.open()
            yield built
        finally:
            await built.opening.close()


@pytest.fixture
def acme(app: App) -> ModuleType:
    """What Acme's plugin did and is to do."""
    return sys.modules["rallypoint_acmemeet"]


@pytest.fixture
def domain(app: App) -> BookingDomain:
    """Booking on that server."""
    (booking,) = [plugin for plugin in app.opening.plugins.loaded if plugin.name == "booking"]
    return booking.ctx.once(BookingDomain)


@pytest_asyncio.fixture
async def host(app: App) -> Principal:
    """A user with an account of her own."""
    account, user, at = new_id(), new_id(), clock.now()
    async with app.house.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO accounts (id, name, mode, created_at) VALUES (?, 'Test', 'live', ?)", account, at
        )
        row = await tx.fetch_one(
            "INSERT INTO users (id, account_id, email, email_key, password_hash, role, is_operator, created_at)"
            " VALUES (?, ?, ?, ?, '', 'admin', ?, ?) RETURNING number",
            user,
            account,
            f"{user}@example.com",
            f"{user}@example.com",
            False,
            at,
        )
    return Principal(user, row["number"], account, "admin", "live", "jti")


@pytest.fixture
def book(caller: Any) -> Callable[..., tuple[int, Any]]:
    """Books over REST; fields by name."""
    return lambda **fields: caller("POST", "/api/appointments", fields)


@pytest.fixture
def caller(alice: Any) -> Any:
    """Who calls over REST."""
    return alice


@pytest.fixture
def practitioner(caller: Any) -> int:
    """A practitioner of the caller's, in London, with slots of an hour on every day from nine to five."""
    status, made = caller("POST", "/api/practitioners", {"name": "Dr. Ada", "timezone": "Europe/London"})
    assert status == 201, made
    for day in range(7):
        hours = {"dayOfWeek": day, "startTime": "9:00 AM", "endTime": "17:00"}
        assert caller("POST", f"/api/practitioners/{made['id']}/schedules", hours)[0] == 201
    return int(made["id"])
