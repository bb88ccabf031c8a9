"""Answers ``POST /rooms/:id/sync``: one session, read now."""

from __future__ import annotations

import time

from rallypoint.domains.rooms.api import ExternalRoom, Pull
from rallypoint.sdk import Client, NotFound, PluginContext
from rallypoint_focusmate.client import fetch_me, fetch_sessions
from rallypoint_focusmate.mapping import SERVICE, is_over, room_of
from rallypoint_focusmate.settings import FocusmateSettings

_DAY = 86_400_000


class Source:
    """Pulls sessions with the caller's connection, or with the key of the room's integration.

    Args:
        ctx: The plugin's view of the core.
        settings: The plugin's.
    """

    def __init__(self, ctx: PluginContext, settings: FocusmateSettings) -> None:
        self._ctx = ctx
        self._settings = settings

    async def pull(self, request: Pull) -> ExternalRoom | None:
        """Return the session as a room; None when there is no key to ask with, as always in the sandbox.

        Raises:
            NotFound: The user has no such session within the settings' window.
        """
        client = await self._client(request)
        if client is None:
            return None
        now = time.time_ns() // 1_000_000
        me = await fetch_me(client)
        back, ahead = self._settings.look_back_days, self._settings.look_ahead_days
        sessions, _ = await fetch_sessions(client, now - round(back * _DAY), now + round(ahead * _DAY))
        for session in sessions:
            if session.session_id == request.external_id:
                return room_of(
                    session,
                    self._settings.room_name,
                    ended=is_over(session, now),
                    me=me.user_id,
                    my_user_id=request.user_id,
                )
        raise NotFound("Focusmate lists no such session")

    async def _client(self, request: Pull) -> Client | None:
        if request.mode != "live":
            return None
        connections = self._ctx.kernel.connections
        if request.api_key:
            return connections.client(
                self._settings.api_url, authorize(request.api_key), quota=request.user_id
            )
        connection = await connections.find(request.account_id, request.user_id, request.mode, SERVICE)
        return None if connection is None else connection.client


def authorize(api_key: str) -> dict[str, str]:
    """Return the header that carries a user's key."""
    return {"X-API-KEY": api_key}
