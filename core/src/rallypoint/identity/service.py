"""Identity put together: one object that the application opens, closes and hands to the routes."""

from __future__ import annotations

import asyncio
import contextlib
import time

import structlog

from rallypoint.identity.accounts import Accounts
from rallypoint.identity.api_keys import ApiKeys
from rallypoint.identity.authenticator import CachedAuthenticator
from rallypoint.identity.invites import Invites
from rallypoint.identity.operators import Operators
from rallypoint.identity.revocations import Revocations
from rallypoint.identity.sessions import Limit, Sessions
from rallypoint.security.passwords import Passwords
from rallypoint.security.tokens import AccessTokens
from rallypoint.settings import Settings
from rallypoint.storage.database import Database

POLL_SECONDS = 2.0
FLUSH_SECONDS = 30.0
_log = structlog.get_logger(__name__)


async def unlimited(name: str, key: str) -> None:
    """Let everything pass; for the command line, which nobody reaches from outside."""


class Identity:
    """Everything that identity offers.

    Args:
        settings: With a secret key (see ``security.secrets``).
        database: Open before :meth:`start`.
        limit: Counts sign-ins for each address; raises ``RateLimited``.
        passwords: Others than the usual ones, such as cheaper ones in tests.
        access_ttl: Seconds an access token lives; an hour when left out.
        poll_seconds: Between looks at what other processes revoked.
        flush_seconds: Between writes of when keys were last used.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        limit: Limit = unlimited,
        passwords: Passwords | None = None,
        access_ttl: float = 3600.0,
        poll_seconds: float = POLL_SECONDS,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self.database = database
        self._poll_seconds, self._flush_seconds = poll_seconds, flush_seconds
        self._task: asyncio.Task[None] | None = None
        passwords = passwords or Passwords()
        tokens = AccessTokens(settings.derive("access-token"))
        self.revocations = Revocations(database)
        self.sessions = Sessions(database, tokens, passwords, self.revocations, limit, access_ttl=access_ttl)
        self.invites = Invites(database)
        self.operators = Operators(database, passwords, self.sessions)
        self.accounts = Accounts(
            database,
            passwords,
            self.sessions,
            self.invites,
            self.operators,
            registration=settings.registration,
        )
        self.api_keys = ApiKeys(database, self.revocations)
        self.authenticator = CachedAuthenticator(database, tokens, self.api_keys, self.revocations)

    async def start(self) -> None:
        """Begin to follow what other processes revoke, and to write down the use of keys."""
        self._task = asyncio.create_task(self._keep_house(), name="identity")

    async def stop(self) -> None:
        """Stop, and write down what is left."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.api_keys.flush()

    async def _keep_house(self) -> None:
        flushed = time.monotonic()
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.revocations.poll()
                if time.monotonic() - flushed >= self._flush_seconds:
                    await self.api_keys.flush()
                    flushed = time.monotonic()
            except Exception:  # the database may be away; the next round tries again
                _log.exception("identity could not follow the database")
