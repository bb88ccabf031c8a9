"""What a drain holds in memory: destinations, their lanes, and what came of the attempts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rallypoint.webhooks.sender import Result

LANES_AT_ONCE = 20
"""Lanes of one target that are sent at the same time; one, while it fails."""

Outcome = Literal["pending", "delivered", "failed"]


@dataclass(slots=True)
class Item:
    """A delivery about to be sent."""

    id: str
    seq: int
    event_id: str
    body: bytes


@dataclass(slots=True, eq=False)
class Destination:
    """A target that has work.

    Args:
        failing_since: Milliseconds of the first failure since the last success.
        closed: Why nothing may be sent to it any more; empty while it is open.
        headers: Sent beside those of every delivery: what its plugin adds (``extras``).
        held: Nothing is sent until that is known.
        ask_at: When the plugin is asked again, by the monotonic clock.
        waiting: Lanes that could be sent.
        in_flight: Lanes that are being sent.
        lanes: Lanes in memory.
    """

    id: str
    kind: str
    url: str
    secrets: tuple[str, ...]
    failing_since: int | None
    closed: str = ""
    headers: Mapping[str, str] | None = None
    held: bool = False
    ask_at: float = 0.0
    waiting: deque[Lane] = field(default_factory=deque)
    in_flight: int = 0
    lanes: int = 0

    def next_lane(self) -> Lane | None:
        """Take a lane that may be sent now; a target that fails gets one probe at a time."""
        allowed = LANES_AT_ONCE if self.failing_since is None else 1
        if self.closed or self.held or not self.waiting or self.in_flight >= allowed:
            return None
        self.in_flight += 1
        return self.waiting.popleft()


@dataclass(slots=True, eq=False)
class Lane:
    """Deliveries of one subject to one target, in order.

    Args:
        done_seq: Everything up to here is finished.
        last_seq: Of the last delivery known when the lane was read.
        attempts: Failed tries of the head.
        next_at: Milliseconds when the head is due.
    """

    id: str
    target: Destination
    done_seq: int
    last_seq: int
    attempts: int
    next_at: int
    items: deque[Item] = field(default_factory=deque)


@dataclass(slots=True)
class Attempted:
    """One attempt and what became of its delivery."""

    delivery_id: str
    result: Result
    attempts: int
    outcome: Outcome
