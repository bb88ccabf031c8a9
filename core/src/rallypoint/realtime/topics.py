"""Finds the channel of a topic by the pattern it declares."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rallypoint.realtime.channel import Channel

MAX_LENGTH = 255
_VARIABLE = re.compile(r"\{(\w+)\}")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression that topics of ``pattern`` match; a variable is anything but a colon."""
    parts = _VARIABLE.split(pattern)
    literals = (
        re.escape(part) if index % 2 == 0 else f"(?P<{part}>[^:]+)" for index, part in enumerate(parts)
    )
    return re.compile("".join(literals))


class Channels:
    """The channels of a server."""

    def __init__(self) -> None:
        self._by_shape: dict[str, tuple[re.Pattern[str], Channel]] = {}

    def add(self, channel: Channel) -> None:
        """Serve a channel.

        Raises:
            ValueError: Another channel has the same pattern, whatever its variables are called.
        """
        shape = _VARIABLE.sub("{}", channel.pattern)
        if shape in self._by_shape:
            raise ValueError(f"two channels claim the topics {channel.pattern}")
        self._by_shape[shape] = (compile_pattern(channel.pattern), channel)

    def __iter__(self) -> Iterator[Channel]:
        return (channel for _, channel in self._by_shape.values())

    def find(self, topic: str) -> tuple[Channel, dict[str, str]] | None:
        """Return the channel of a topic and what its variables stand for; a literal beats a variable."""
        if len(topic) > MAX_LENGTH:
            return None
        matches = (
            (channel, match.groupdict())
            for expression, channel in self._by_shape.values()
            if (match := expression.fullmatch(topic))
        )
        return min(matches, key=lambda found: len(found[1]), default=None)
