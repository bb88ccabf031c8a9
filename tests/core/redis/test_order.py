"""Events of a subject are delivered in its order, however they come in."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from rallypoint.realtime.channel import Message
from rallypoint.redis.order import MAX_WAITING, PATIENCE_SECONDS, Order


def numbered(seq: int, topic: str = "room:1") -> Message:
    return Message(topic, "said", {}, seq=seq)


class Hall:
    """An order on one topic and what it let through."""

    def __init__(self, *, patient: bool = True) -> None:
        self.heard: list[int] = []
        self.order = Order(lambda message: self.heard.append(message.seq), lambda: patient)
        self.order.follow("room:1")

    def take(self, *seqs: int) -> list[int]:
        for seq in seqs:
            self.order.take(numbered(seq))
        return self.heard


@given(st.permutations(range(2, 9)))
def test_whatever_the_order_of_arrival_the_numbers_decide(arrival: list[int]) -> None:
    async def run() -> None:
        assert Hall().take(1, *arrival) == list(range(1, 9))

    asyncio.run(run())


async def test_one_that_never_comes_holds_the_others_up_for_a_moment_only() -> None:
    hall = Hall()
    assert hall.take(1, 4, 3) == [1]
    await asyncio.sleep(PATIENCE_SECONDS * 2)
    assert hall.heard == [1, 3, 4]
    assert hall.take(5, 2) == [1, 3, 4, 5, 2]  # better late than never
    assert hall.take(7, 6) == [1, 3, 4, 5, 2, 6, 7]


async def test_what_is_ephemeral_or_elsewhere_does_not_wait() -> None:
    hall = Hall()
    hall.take(1, 3)
    hall.order.take(Message("room:1", "typing", {}))
    hall.order.take(numbered(8, "room:2"))
    assert hall.heard == [1, 0, 8]
    hall.order.take_at_once(numbered(9, "room:2"))
    hall.order.take_at_once(numbered(2))
    assert hall.heard == [1, 0, 8, 9, 2, 3]


async def test_nobody_waits_for_processes_that_cannot_be_heard() -> None:
    assert Hall(patient=False).take(1, 3, 2) == [1, 3, 2]


async def test_what_waits_is_bounded_and_forgotten_with_its_topic() -> None:
    hall = Hall()
    hall.take(1, *range(3, MAX_WAITING + 4))
    assert hall.heard == [1, *range(3, MAX_WAITING + 4)]
    hall.take(MAX_WAITING + 10)
    hall.order.forget("room:1")
    hall.order.forget("room:1")
    await asyncio.sleep(PATIENCE_SECONDS * 2)
    assert hall.heard[-1] == MAX_WAITING + 3
