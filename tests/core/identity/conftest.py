"""An identity on a real database, with cheap passwords."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from rallypoint.errors import RateLimited
from rallypoint.identity.accounts import Applicant
from rallypoint.identity.service import Identity
from rallypoint.identity.sessions import SignedIn
from rallypoint.security.passwords import Passwords
from rallypoint.settings import Settings
from rallypoint.storage.database import Database

SECRET = "0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"


class Counter:
    """A limit of ten for each name and key."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], int] = {}

    async def __call__(self, name: str, key: str) -> None:
        self.seen[name, key] = self.seen.get((name, key), 0) + 1
        if self.seen[name, key] > 10:
            raise RateLimited("Too many sign-ins", retry_after=60)


Build = Callable[..., Identity]


@pytest.fixture
def limit() -> Counter:
    return Counter()


@pytest_asyncio.fixture
async def build(database: Database, limit: Counter) -> AsyncIterator[Build]:
    """Another process's view of the same server; arguments are settings, or of Identity."""

    def make(*, access_ttl: float = 3600.0, poll_seconds: float = 60.0, **settings: object) -> Identity:
        return Identity(
            Settings(secret_key=SECRET, _env_file=None, **settings),  # type: ignore[arg-type]
            database,
            limit=limit,
            passwords=Passwords(cost=4),
            access_ttl=access_ttl,
            poll_seconds=poll_seconds,
            flush_seconds=0.0,
        )

    yield make


@pytest_asyncio.fixture
async def identity(build: Build) -> Identity:
    return build()


@pytest_asyncio.fixture
async def ada(identity: Identity) -> SignedIn:
    return await identity.accounts.register(Applicant("Ada@Example.com", PASSWORD, "Analytical Engines"))


@pytest_asyncio.fixture
async def bob(identity: Identity) -> SignedIn:
    return await identity.accounts.register(Applicant("bob@example.com", PASSWORD))
