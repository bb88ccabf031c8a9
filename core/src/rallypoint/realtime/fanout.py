"""Who gets what is published: members by topic, grouped by what they speak, so that each encodes once."""

from __future__ import annotations

from collections.abc import Iterator

from rallypoint.realtime.channel import Message
from rallypoint.realtime.connection import Encoder, Member, encode
from rallypoint.realtime.outbound import Frame

BACKLOG = 1000


class Fanout:
    """The members of every topic in this process."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[Encoder, dict[Member, None]]] = {}
        self._opening: dict[str, dict[Member, None]] = {}

    def hold(self, member: Member) -> None:
        """Keep what is published for a member until it is opened."""
        self._opening.setdefault(member.topic, {})[member] = None

    def open(self, member: Member) -> None:
        """Deliver to a member from now on."""
        self._forget(self._opening, member)
        self._groups.setdefault(member.topic, {}).setdefault(member.encoder, {})[member] = None

    def remove(self, member: Member) -> None:
        """Deliver nothing more to a member."""
        self._forget(self._opening, member)
        groups = self._groups.get(member.topic, {})
        group = groups.get(member.encoder, {})
        group.pop(member, None)
        if not group:
            groups.pop(member.encoder, None)
        if not groups:
            self._groups.pop(member.topic, None)

    def members(self, topic: str) -> Iterator[Member]:
        """Return the open members of a topic."""
        return (member for group in self._groups.get(topic, {}).values() for member in group)

    def occupied(self, topic: str) -> bool:
        """Tell whether a topic has members, open or not."""
        return topic in self._groups or topic in self._opening

    def deliver(self, message: Message) -> None:
        """Hand a message to every member of its topic, without waiting."""
        for member in self._opening.get(message.topic, ()):
            if member.backlog is not None and len(member.backlog) < BACKLOG:
                member.backlog.append(message)
        for encoder, group in tuple(self._groups.get(message.topic, {}).items()):
            for frame in encode(encoder, message):
                self._send(frame, group, message.skip)

    @staticmethod
    def _send(frame: Frame, group: dict[Member, None], skip: str) -> None:
        for member in tuple(group):  # a client that is cut off leaves the group meanwhile
            if member.connection.id != skip:
                member.connection.send(frame)

    @staticmethod
    def _forget(members: dict[str, dict[Member, None]], member: Member) -> None:
        at_topic = members.get(member.topic, {})
        at_topic.pop(member, None)
        if not at_topic:
            members.pop(member.topic, None)
