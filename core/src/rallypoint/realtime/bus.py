"""What joins the hubs of several processes: messages, presence, and how many sockets a user has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rallypoint.realtime.channel import Message
from rallypoint.realtime.presence import Presence

Receive = Callable[[Message], None]


class Bus(Protocol):
    """Connects hubs."""

    def attach(self, receive: Receive, presence: Presence) -> Receive:
        """Connect a hub.

        Args:
            receive: Called in the event loop with every message for this hub's members.
            presence: The hub's, to be shared with others.

        Returns:
            What the hub calls to publish a message to every hub, itself included; it never blocks.
        """
        ...

    async def enter(self, topic: str) -> None:
        """Prepare for a member on a topic: from now on no message on it is missed, and presence is complete.

        Takes a second at most when others cannot be reached; harmless when there are members already.
        """
        ...

    def leave(self, topic: str) -> None:
        """Note that a topic has no member here any more."""
        ...

    async def claim(self, user_id: str, connection_id: str, limit: int) -> bool:
        """Count a socket and tell whether its user has fewer than ``limit`` others, wherever they are."""
        ...

    def release(self, user_id: str, connection_id: str) -> None:
        """Count a socket no more."""
        ...


class LocalBus:
    """Connects the hubs of one process; with the usual single one there is nobody to tell."""

    def __init__(self) -> None:
        self._receivers: list[Receive] = []

    def attach(self, receive: Receive, presence: Presence) -> Receive:  # noqa: ARG002
        """Connect a hub (see :meth:`Bus.attach`)."""
        self._receivers.append(receive)

        def publish(message: Message) -> None:
            receive(message)
            for other in self._receivers:
                if other is not receive:
                    other(message)

        return publish

    async def enter(self, topic: str) -> None:
        """Nothing is to be prepared (see :meth:`Bus.enter`)."""

    def leave(self, topic: str) -> None:
        """Nothing was prepared (see :meth:`Bus.leave`)."""

    async def claim(self, user_id: str, connection_id: str, limit: int) -> bool:  # noqa: ARG002
        """The hub has counted already (see :meth:`Bus.claim`)."""
        return True

    def release(self, user_id: str, connection_id: str) -> None:
        """Nothing was counted (see :meth:`Bus.release`)."""
