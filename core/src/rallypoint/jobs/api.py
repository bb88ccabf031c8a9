"""The task engine behind one small interface; rows are the work and a job is only a wake-up.

Whatever a handler does must be found in rows again: wake-ups may be lost (a kill) or come twice, and handlers
are idempotent. Periodic sweeps cover what was lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

JobHandler = Callable[[str], Awaitable[None]]


class Jobs(Protocol):
    """Wake-ups and periodic work.

    Handlers are registered before the engine starts. One handler never runs twice at once for the same key in
    one process; a wake-up for a key that is running runs it once more afterwards.
    """

    def handle(self, task: str, handler: JobHandler, *, queue: str = "core", local: bool = False) -> None:
        """Register ``handler(key)`` under ``task``, a name unique on the server.

        Args:
            task: Dotted.
            handler: Idempotent; finds its work in rows.
            queue: ``core``, or the plugin's name: read by processes that loaded it alone.
            local: Run it in the process that woke it, whatever that one is for: for work on what it keeps in
                memory.
        """
        ...

    def every(
        self, seconds: float, task: str, handler: Callable[[], Awaitable[None]], *, queue: str = "core"
    ) -> None:
        """Run ``handler`` every ``seconds``, first at start; one run at a time over all processes."""
        ...

    def wake(self, task: str, key: str = "") -> None:
        """Run the handler of ``task`` for ``key`` soon; call after commit. Never blocks; a duplicate is ignored."""
        ...

    def wake_at(self, at: int, task: str, key: str = "") -> None:
        """Run it at ``at`` (ms); an earlier time for the same task and key wins."""
        ...

    async def start(self) -> None:
        """Begin to run jobs."""
        ...

    async def stop(self, grace: float) -> None:
        """Finish what runs within ``grace`` seconds, then cancel."""
        ...
