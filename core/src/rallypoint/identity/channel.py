"""``user:<id>``: what concerns one user alone, such as a connection that needs them."""

from __future__ import annotations

from typing import ClassVar

from rallypoint.realtime.channel import Channel, Join, Joined, Refused


class UserChannel(Channel):
    """A user's own topic, named by their UUID; nobody else may listen, operators included."""

    pattern: ClassVar[str] = "user:{user_id}"

    async def join(self, join: Join) -> Joined:
        """Let the user in."""
        if join.variables["user_id"] != join.principal.user_id:
            raise Refused("unauthorized")
        return Joined()
