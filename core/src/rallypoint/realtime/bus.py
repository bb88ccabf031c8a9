"""How a published message reaches the sockets of other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rallypoint.realtime.channel import Message

Receive = Callable[[Message], None]


class Bus(Protocol):
    """Carries messages between hubs."""

    def attach(self, receive: Receive) -> Receive:
        """Connect a hub.

        Args:
            receive: Called in the event loop with every message that another hub published.

        Returns:
            What the hub calls with each message of its own; it never blocks.
        """
        ...


class LocalBus:
    """Connects the hubs of one process; with the usual single one there is nobody to tell."""

    def __init__(self) -> None:
        self._receivers: list[Receive] = []

    def attach(self, receive: Receive) -> Receive:
        """Connect a hub (see :meth:`Bus.attach`)."""
        self._receivers.append(receive)

        def publish(message: Message) -> None:
            for other in self._receivers:
                if other is not receive:
                    other(message)

        return publish
