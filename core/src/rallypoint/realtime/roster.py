"""Who is connected: how many sockets a user may have, how much each may send, and when its token runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from rallypoint.realtime.channel import Refused
from rallypoint.realtime.connection import Connection
from rallypoint.realtime.limits import Bucket
from rallypoint.settings import Settings
from rallypoint.storage import clock

FLOOD = 10  # bursts of refused events in a row, after which a client is not merely hasty


class TooManyConnections(Exception):
    """The user has as many sockets open as one may have."""


class Flooded(Exception):
    """A client goes on sending although it is refused."""


class Roster:
    """The sockets of a process.

    Args:
        settings: The limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections: dict[str, Connection] = {}
        self._per_user: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._connections.values())

    def __contains__(self, connection: Connection) -> bool:
        return connection.id in self._connections

    def add(self, connection: Connection) -> None:
        """Enter a connection.

        Raises:
            TooManyConnections: Its user has enough.
        """
        user = connection.principal.user_id
        count = self._per_user.get(user, 0)
        if self._settings.rate_limits and count >= self._settings.limit_sockets_per_user:
            raise TooManyConnections
        self._per_user[user] = count + 1
        self._connections[connection.id] = connection
        connection.bucket = Bucket(self._settings.limit_socket_events, self._settings.limit_socket_burst)

    def remove(self, connection: Connection) -> bool:
        """Strike a connection out and tell whether it was there."""
        if self._connections.pop(connection.id, None) is None:
            return False
        user = connection.principal.user_id
        self._per_user[user] -= 1
        if not self._per_user[user]:
            del self._per_user[user]
        if connection.expiry is not None:
            connection.expiry.cancel()
        return True

    def of_credential(self, credential_id: str) -> list[Connection]:
        """Return the connections that stand on a credential."""
        return [each for each in self if each.principal.credential_id == credential_id]

    def count_event(self, connection: Connection) -> None:
        """Count an event from a client.

        Raises:
            Refused: It sends too many.
            Flooded: It sends far too many.
        """
        bucket = connection.bucket
        if not self._settings.rate_limits or bucket is None or bucket.take():
            return
        if bucket.refused > FLOOD * self._settings.limit_socket_burst:
            raise Flooded
        raise Refused("rate limited")

    def watch_expiry(self, connection: Connection, expired: Callable[[], None]) -> None:
        """Call ``expired`` when the token and its grace period have run out; API keys never do."""
        if connection.expiry is not None:
            connection.expiry.cancel()
        connection.expiry = None
        expires = connection.principal.expires_at
        if expires is not None:
            left = max(0.0, (expires - clock.now()) / 1000) + self._settings.socket_token_grace
            connection.expiry = asyncio.get_running_loop().call_later(left, expired)
