"""Drains one shard: loads due lanes, sends their heads, writes the outcomes; ends when nothing is due.

A lane goes on after a success before that is written down, so a killed process repeats deliveries, in order and
with the same ids, but never loses or swaps one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress

from rallypoint.storage import clock
from rallypoint.storage.database import Row
from rallypoint.storage.leases import Lease
from rallypoint.webhooks.bodies import rendered
from rallypoint.webhooks.extras import PARK_SECONDS, Extras
from rallypoint.webhooks.lanes import Attempted, Destination, Item, Lane, Outcome
from rallypoint.webhooks.ledger import Page
from rallypoint.webhooks.pool import Pool
from rallypoint.webhooks.reading import LANES_A_PAGE, LANES_A_READ
from rallypoint.webhooks.sender import Result
from rallypoint.webhooks.tools import Tools

LEASE_SECONDS = 15.0
_SAFETY_SECONDS = 2.0
_TICK_SECONDS = 0.25
_BATCH_SECONDS = 0.1
"""How long outcomes are gathered while others are still to come: one commit serves them all."""
_LAST_SECONDS = 0.01
_ATTEMPTS_A_PAGE = 100
"""Few enough that a request which writes need not wait long for the page before it."""
_LANES_IN_MEMORY = 2_000
_LANES_OF_A_TARGET = 100
_GONE = 410


class Drain:
    """One run over a shard.

    Args:
        shard: Which.
        lease: Held; renewed here and released by whoever acquired it.
        tools: Shared by all drains.
    """

    def __init__(self, shard: int, lease: Lease, tools: Tools) -> None:
        self.lease = lease
        self.over = False
        self._shard, self._tools = shard, tools
        self._reader, self._ledger, self._sender = tools.reader, tools.ledger, tools.sender
        self._valid_until = time.monotonic() + LEASE_SECONDS - _SAFETY_SECONDS
        self._pool: Pool[Lane] = Pool(self._attempt)
        self._extras = Extras(tools.kinds, ready=self._resume, park=self._park, close=self._withdraw)
        self._lanes: dict[str, Lane] = {}
        self._targets: dict[str, Destination] = {}
        self._attempted: deque[Attempted] = deque()
        self._left: list[Lane] = []
        self._changed: dict[str, Destination] = {}
        self._signal = asyncio.Event()
        self._look = True
        self._unwritten_since: float | None = None
        self._ticked = time.monotonic()
        self._grace = 0.0

    def poke(self) -> None:
        """Look for due lanes again."""
        self._look = True
        self._signal.set()

    def forget(self, target_id: str) -> None:
        """Send nothing more to a target that was removed just now."""
        if (target := self._targets.get(target_id)) is not None:
            target.closed = "gone"
            self._empty(target)

    async def run(self) -> None:
        """Work until nothing is due.

        Raises:
            LeaseLost: Another process drains this shard now.
        """
        try:
            while not self.over:
                await self._renew()
                if self._until_flush() <= 0:
                    await self._flush()
                if self._look:
                    await self._load()
                if self._lanes or self._look:
                    await self._wait()
                else:
                    self.over = True
            await self._pool.stop(self._grace)
            await self._flush()
        finally:
            self.over = True
            await self._pool.stop(0)
            await self._extras.stop()

    def stop(self, grace: float) -> None:
        """Begin nothing more; :meth:`run` ends once what is in flight has, after ``grace`` seconds at most."""
        self.over, self._grace = True, grace
        self._signal.set()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._signal.wait(), max(0.0, self._until_flush()))
        self._signal.clear()
        if time.monotonic() - self._ticked >= _TICK_SECONDS:
            await self._tick()

    async def _tick(self) -> None:
        """Serve what time brings: slow receivers, other processes' new work, targets changed or removed."""
        self._ticked = time.monotonic()
        self._pool.tend()
        self._look = True
        await self._reader.refresh(self._targets, list(self._targets))
        for target in list(self._targets.values()):
            if target.closed:
                self._empty(target)
        self._extras.tend()

    async def _renew(self) -> None:
        left = self._valid_until - time.monotonic()
        if left < LEASE_SECONDS / 2:
            begun = time.monotonic()
            self.lease = await self._tools.leases.renew(self.lease, LEASE_SECONDS)
            self._valid_until = begun + LEASE_SECONDS - _SAFETY_SECONDS

    # Loading

    async def _load(self) -> None:
        self._look = False
        at, after = clock.now(), (0, "")
        while len(self._lanes) < _LANES_IN_MEMORY:
            rows = await self._reader.due_lanes(self._shard, at, after)
            await self._take([row for row in rows if row["id"] not in self._lanes])
            if len(rows) < LANES_A_PAGE:
                return
            after = (rows[-1]["next_at"], rows[-1]["id"])

    async def _take(self, rows: list[Row]) -> None:
        await self._meet({row["target_id"] for row in rows} - self._targets.keys())
        rows = [row for row in rows if row["target_id"] in self._targets]
        taken = [lane for row in rows if (lane := self._lane(row)) is not None]
        for start in range(0, len(taken), LANES_A_READ):
            await self._fill(taken[start : start + LANES_A_READ])

    async def _fill(self, lanes: list[Lane]) -> None:
        """Read the lanes' deliveries and begin; the next lanes are read while these are sent."""
        found = await self._reader.items([lane.id for lane in lanes])
        bodies = await rendered(self._reader, self._tools.renderers, found, self._kind_of)
        for row in found:
            body = bodies.get(row["id"]) or bytes(row["body"])
            self._lanes[row["lane_id"]].items.append(Item(row["id"], row["seq"], row["event_id"], body))
        for lane in lanes:
            self._begin(lane)

    async def _meet(self, ids: set[str]) -> None:
        """Learn targets; lanes of one that is no longer there are given up."""
        met = {target.id: target for target in await self._reader.refresh({}, sorted(ids))}
        self._targets.update(met)
        self._extras.meet(met.values())
        if orphans := ids - self._targets.keys():
            await self._ledger.give_up(self.lease, sorted(orphans))

    def _lane(self, row: Row) -> Lane | None:
        target = self._targets[row["target_id"]]
        if target.closed or target.lanes >= _LANES_OF_A_TARGET:
            return None
        target.lanes += 1
        lane = Lane(row["id"], target, row["done_seq"], row["last_seq"], row["attempts"], row["next_at"])
        self._lanes[lane.id] = lane
        return lane

    def _kind_of(self, row: Row) -> str:
        return self._lanes[row["lane_id"]].target.kind

    def _begin(self, lane: Lane) -> None:
        if lane.items:
            lane.target.waiting.append(lane)
            self._offer(lane.target)
        else:
            lane.done_seq = max(lane.done_seq, lane.last_seq)
            self._leave(lane)

    def _offer(self, target: Destination) -> None:
        while (lane := target.next_lane()) is not None:
            self._pool.put(lane)

    # Sending

    async def _attempt(self, lane: Lane) -> None:
        target, item = lane.target, lane.items[0]
        if target.closed or time.monotonic() > self._valid_until:
            target.in_flight -= 1
            self._leave(lane)
            return
        result = await self._sender.send(target.url, target.secrets, item.event_id, item.body, target.headers)
        target.in_flight -= 1
        if result.ok:
            self._succeeded(lane, item, result)
        else:
            self._failed(lane, item, result)
        self._offer(target)
        self._tell()

    def _succeeded(self, lane: Lane, item: Item, result: Result) -> None:
        if lane.target.failing_since is not None:
            lane.target.failing_since = None
            self._changed[lane.target.id] = lane.target
        self._note(lane, item, result, "delivered")
        self._advance(lane, item)

    def _failed(self, lane: Lane, item: Item, result: Result) -> None:
        target, at = lane.target, clock.now()
        if target.failing_since is None:
            target.failing_since = at
            self._changed[target.id] = target
        if result.status == _GONE:
            self._note(lane, item, result, "failed")
            self._close(target, "gone")
            self._leave(lane)
        elif self._tools.policy.exhausted(lane.attempts + 1):
            self._note(lane, item, result, "failed")
            if at - target.failing_since >= self._tools.disable_after:
                self._close(target, "failing")
            self._advance(lane, item)
        else:
            self._note(lane, item, result, "pending")
            self._postpone(
                lane, at + round(self._tools.policy.delay(lane.attempts + 1, result.retry_after) * 1000)
            )

    def _note(self, lane: Lane, item: Item, result: Result, outcome: Outcome) -> None:
        self._attempted.append(Attempted(item.id, result, lane.attempts + 1, outcome))

    def _advance(self, lane: Lane, item: Item) -> None:
        lane.items.popleft()
        lane.done_seq, lane.attempts = item.seq, 0
        if lane.items and not lane.target.closed:
            lane.target.waiting.append(lane)
        else:
            self._leave(lane)

    def _postpone(self, lane: Lane, at: int) -> None:
        lane.attempts += 1
        lane.next_at = at
        self._leave(lane)

    def _resume(self, target: Destination) -> None:
        self._offer(target)
        self._signal.set()

    def _park(self, target: Destination) -> None:
        """Let the lanes of a target wait, which is no failure of its."""
        for lane in target.waiting:
            lane.next_at = clock.now() + round(PARK_SECONDS * 1000)
        self._empty(target)

    def _withdraw(self, target: Destination) -> None:
        self._close(target, "gone")
        self._tell()

    def _close(self, target: Destination, reason: str) -> None:
        target.closed = reason
        self._changed[target.id] = target
        self._empty(target)

    def _empty(self, target: Destination) -> None:
        while target.waiting:
            self._leave(target.waiting.popleft())

    def _leave(self, lane: Lane) -> None:
        lane.items.clear()
        self._left.append(lane)
        self._tell()

    # Writing

    def _tell(self) -> None:
        """Have what is new written down in time."""
        if self._unwritten_since is None:
            self._unwritten_since = time.monotonic()
            self._signal.set()
        elif self._is_page_full or self._is_last:
            self._signal.set()

    def _until_flush(self) -> float:
        """Return the seconds after which a page is to be written; those of a tick where there is none."""
        if self._unwritten_since is None:
            return _TICK_SECONDS
        if self._is_page_full:
            return 0.0
        now = time.monotonic()
        if self._is_last:
            return self._unwritten_since + _LAST_SECONDS - now
        # At the same moments in every drain of a process, so that their pages are one transaction.
        return (self._unwritten_since // _BATCH_SECONDS + 1) * _BATCH_SECONDS - now

    @property
    def _is_page_full(self) -> bool:
        return len(self._attempted) >= _ATTEMPTS_A_PAGE

    @property
    def _is_last(self) -> bool:
        """Whether no further outcome is to come from what is in memory."""
        return len(self._left) == len(self._lanes)

    async def _flush(self) -> None:
        self._unwritten_since = None
        while self._attempted or self._left or self._changed:
            count = min(len(self._attempted), _ATTEMPTS_A_PAGE)
            attempted = [self._attempted.popleft() for _ in range(count)]
            left, self._left = ([], self._left) if self._attempted else (self._left, [])
            changed, self._changed = self._changed, {}
            await self._ledger.write(self.lease, Page(attempted, left, list(changed.values())))
            self._forget(left)

    def _forget(self, lanes: list[Lane]) -> None:
        """Drop lanes that are written; what came to them meanwhile is found by looking again."""
        for lane in lanes:
            del self._lanes[lane.id]
            lane.target.lanes -= 1
            if not lane.target.lanes:
                self._targets.pop(lane.target.id, None)
        if lanes:
            self._look = True
