"""Listens on the topics of rooms"""

from rallypoint.sdk import Channel, Joined, hookimpl


class Mine(Channel):
    """Rooms, by another name."""

    pattern = "room:{mine}"

    async def join(self, join):
        return Joined()


@hookimpl
def register_channels(ctx):
    return [Mine()]
