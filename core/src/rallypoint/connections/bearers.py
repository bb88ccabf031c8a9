"""Where access tokens come from: a user's connection, or the operator's own credentials."""

from __future__ import annotations

import asyncio

from rallypoint.connections.refresh import Held, Keeper
from rallypoint.connections.tokens import GrantDead, TokenEndpoint, Tokens
from rallypoint.errors import BadConfig
from rallypoint.storage import clock
from rallypoint.storage.database import Row

_MARGIN_MS = clock.MINUTE


class ConnectionBearer:
    """A connection's tokens.

    Args:
        keeper: Refreshes them.
        row: Of the connection; unsealed when a token is asked for, and not before.
    """

    def __init__(self, keeper: Keeper, row: Row) -> None:
        self._keeper, self._row = keeper, row
        self._held: Held | None = None

    async def token(self) -> str:
        """Return a token, refreshed when it is about to expire."""
        self._held = await self._keeper.fresh(self._held or self._keeper.unseal(self._row))
        return self._held.tokens.access

    async def another(self, refused: str) -> str:
        """Return a fresher one; another call of this client may have had it made already."""
        held = self._held or self._keeper.unseal(self._row)
        if held.tokens.access == refused:
            self._held = held = await self._keeper.fresh(held, refused=True)
        return held.tokens.access

    async def give_up(self) -> None:
        """Tell the owner."""
        if self._held is not None:
            await self._keeper.give_up(self._held, "the provider refuses a token that it has just issued")


class AppBearer:
    """The operator's tokens, kept in memory until they expire.

    Args:
        endpoint: Issues them.
        params: The grant.
    """

    def __init__(self, endpoint: TokenEndpoint, params: dict[str, str]) -> None:
        self._endpoint, self._params = endpoint, params
        self._tokens: Tokens | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Return a token; all who ask wait for one request.

        Raises:
            BadConfig: The provider refuses the operator's credentials.
            RetryLater: It is away.
        """
        async with self._lock:
            if self._tokens is None or _ends(self._tokens):
                self._tokens = await self._grant()
            return self._tokens.access

    async def another(self, refused: str) -> str:
        """Return a new one, unless there is one already."""
        async with self._lock:
            if self._tokens is None or self._tokens.access == refused:
                self._tokens = None
                self._tokens = await self._grant()
            return self._tokens.access

    async def give_up(self) -> None:
        """Say that the operator must see to it.

        Raises:
            BadConfig: Always.
        """
        raise BadConfig("the provider refuses a token that it has just issued for the operator's credentials")

    async def _grant(self) -> Tokens:
        try:
            return await self._endpoint.grant(self._params)
        except GrantDead:
            raise BadConfig("the provider refuses the operator's grant (invalid_grant)") from None


def _ends(tokens: Tokens) -> bool:
    if tokens.expires_at is None:
        return False
    return clock.now() >= tokens.expires_at - min(_MARGIN_MS, tokens.lifetime // 5)
