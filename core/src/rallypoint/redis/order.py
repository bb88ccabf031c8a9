"""Puts events of one subject back in order when they come from several processes.

Two processes may commit one after the other and push at the same time; what is pushed here would then overtake
what is on its way through Redis. Events carry the number of their subject, so one that comes too early waits a
moment for those before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from rallypoint.realtime.channel import Message

PATIENCE_SECONDS = 0.1
"""How long an event waits: one that its process never pushed must not hold up the others."""
MAX_WAITING = 1_000


@dataclass(slots=True)
class _Line:
    last: int = 0
    waiting: dict[int, Message] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


class Order:
    """Delivers messages in the order of their numbers, where they have one.

    Args:
        deliver: Takes each message.
        patient: Tells whether waiting makes sense: others can be heard.
    """

    def __init__(self, deliver: Callable[[Message], None], patient: Callable[[], bool]) -> None:
        self._deliver, self._patient = deliver, patient
        self._lines: dict[str, _Line] = {}

    def follow(self, topic: str) -> None:
        """Mind the order on a topic from now on."""
        self._lines.setdefault(topic, _Line())

    def forget(self, topic: str) -> None:
        """Mind it no more; nobody is there."""
        line = self._lines.pop(topic, None)
        if line is not None and line.timer is not None:
            line.timer.cancel()

    def take(self, message: Message) -> None:
        """Deliver a message once its turn has come."""
        line = self._lines.get(message.topic) if message.seq else None
        if line is None:
            self._deliver(message)
        elif not line.last or message.seq <= line.last + 1 or not self._patient():
            self._pass(line, message)
        else:
            self._hold(line, message)

    def take_at_once(self, message: Message) -> None:
        """Deliver a message that is late as it is."""
        line = self._lines.get(message.topic) if message.seq else None
        if line is None:
            self._deliver(message)
        else:
            self._pass(line, message)

    def _pass(self, line: _Line, message: Message) -> None:
        self._deliver(message)
        line.last = max(line.last, message.seq)
        while (following := line.waiting.pop(line.last + 1, None)) is not None:
            self._deliver(following)
            line.last = following.seq

    def _hold(self, line: _Line, message: Message) -> None:
        line.waiting[message.seq] = message
        if len(line.waiting) > MAX_WAITING:
            self._give_up(line)
        elif line.timer is None:
            line.timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._give_up, line)

    def _give_up(self, line: _Line) -> None:
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None
        for seq in sorted(line.waiting):
            if seq in line.waiting:
                self._pass(line, line.waiting.pop(seq))
