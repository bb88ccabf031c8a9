"""A sign-in that somebody else's emulator does, with the fake's own calendar behind it.

The consent page and the issuing of tokens are the other program's; this passes the token requests on, notes whose
tokens come back, and may shorten their life.
"""

from __future__ import annotations

from collections.abc import Iterable

import aiohttp
from aiohttp import web

from rallypoint.testing.google.grants import Access, Grants
from rallypoint.testing.google.signin import REVOKE_PATH, TOKEN_PATH


class Relay:
    """Token and revocation endpoints that are another server's.

    Args:
        grants: Hears of the tokens.
        upstream: Base URL of the other server.
        token_path: Of its token endpoint.
        revoke_path: Of its revocation endpoint.
        userinfo_path: Where it says whose token one is.
    """

    def __init__(
        self,
        grants: Grants,
        upstream: str,
        *,
        token_path: str = "/oauth2/token",  # noqa: S107 - a path
        revoke_path: str = "/oauth2/revoke",
        userinfo_path: str = "/oauth2/v2/userinfo",
    ) -> None:
        self._grants = grants
        self._upstream = upstream
        self._paths = {TOKEN_PATH: token_path, REVOKE_PATH: revoke_path}
        self._userinfo = userinfo_path

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        return [web.post(TOKEN_PATH, self._token), web.post(REVOKE_PATH, self._revoke)]

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self._grants.count(form.get("grant_type", ""))
        async with aiohttp.ClientSession(self._upstream) as session:
            async with session.post(self._paths[TOKEN_PATH], data=form) as reply:
                status, body = reply.status, await reply.json()
            if status != 200:
                return web.json_response(body, status=status)
            signed = {"Authorization": f"Bearer {body['access_token']}"}
            async with session.get(self._userinfo, headers=signed) as about:
                email = (await about.json())["email"]
        self._learn(body, email, form.get("client_id", ""))
        return web.json_response({**body, "expires_in": int(self._grants.lifetime)})

    def _learn(self, body: dict[str, str], email: str, client_id: str) -> None:
        until = self._grants.clock() + self._grants.lifetime
        access = Access(email, frozenset(body["scope"].split()), client_id, until)
        self._grants.learn(body["access_token"], access, body.get("refresh_token", ""))

    async def _revoke(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self._grants.revoke(form.get("token", ""))
        async with (
            aiohttp.ClientSession(self._upstream) as session,
            session.post(self._paths[REVOKE_PATH], data=form) as reply,
        ):
            return web.Response(status=reply.status)
