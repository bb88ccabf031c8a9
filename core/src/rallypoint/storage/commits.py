"""The order in which commits took effect, which the answers to them do not show on PostgreSQL.

Whoever waited for a row's lock commits after the one that held it; but the server lets go of the lock before it
answers the first commit, so the answer to the second may arrive earlier.
"""

from __future__ import annotations

import asyncio


class Turn:
    """A place in the order of commits, taken before the commit is sent.

    Args:
        before: Done when everybody before has had their turn.
    """

    def __init__(self, before: asyncio.Future[None] | None) -> None:
        self._before = before
        self.had: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def come(self) -> None:
        """Wait until everybody before has had their turn."""
        if self._before is not None:
            await asyncio.shield(self._before)

    def end(self) -> None:
        """Let the next one have theirs, or, when this one is given up early, the one before first."""
        if self._before is None or self._before.done():
            self.had.set_result(None)
        else:
            self._before.add_done_callback(lambda _: self.had.set_result(None))


class CommitOrder:
    """Gives turns to the transactions of one process."""

    def __init__(self) -> None:
        self._last: Turn | None = None

    def turn(self) -> Turn:
        """Take the next turn; whoever takes it must end it."""
        before = self._last
        self._last = Turn(before.had if before is not None and not before.had.done() else None)
        return self._last
