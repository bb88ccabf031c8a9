"""What stands before each plugin's code: open, or closed while it is quarantined."""

from __future__ import annotations

import structlog

from rallypoint.errors import RetryLater, Unavailable
from rallypoint.plugins.budget import Budget
from rallypoint.plugins.failures import DEFAULT_RETRY_SECONDS, QUARANTINE_REMEDY, describe
from rallypoint.plugins.status import QUARANTINE, StatusBoard

_log = structlog.get_logger("rallypoint.plugins")


class Gate:
    """Counts one plugin's failures and closes when there are too many.

    Args:
        name: The plugin.
        board: Where the quarantine shows.
        lasting: Never closes: a core domain that fails now and then must not take all of it away.
    """

    __slots__ = ("_board", "_budget", "_lasting", "closed", "name")

    def __init__(self, name: str, board: StatusBoard, *, lasting: bool) -> None:
        self.name = name
        self.closed = False
        self._board = board
        self._budget = Budget()
        self._lasting = lasting

    def check_caller(self) -> None:
        """Refuse a request while the gate is closed.

        Raises:
            Unavailable: It is.
        """
        if self.closed:
            raise Unavailable(
                f"{self.name} is out of service", headers={"Retry-After": str(DEFAULT_RETRY_SECONDS)}
            )

    def check_work(self) -> None:
        """Put work off while the gate is closed.

        Raises:
            RetryLater: It is.
        """
        if self.closed:
            raise RetryLater(f"{self.name} is quarantined", after=DEFAULT_RETRY_SECONDS)

    def bug(self, what: str, error: BaseException) -> None:
        """Count an unexpected exception."""
        _log.error("plugin failed", plugin=self.name, what=what, exc_info=error)
        self._count(self._budget.bug(), what, describe(error))

    def hang(self, what: str, reason: str) -> None:
        """Count a timeout or a blocked loop."""
        _log.error("plugin hangs", plugin=self.name, what=what, reason=reason)
        self._count(self._budget.hang(), what, reason)

    def open(self) -> None:
        """Lift the quarantine and forget what led to it."""
        self.closed = False
        self._budget.reset()
        self._board.clear(self.name, QUARANTINE)

    def _count(self, exhausted: bool, what: str, reason: str) -> None:
        self._board.report(
            self.name, "degraded", what, reason, "see the log; report it to the plugin's author"
        )
        if exhausted and not self._lasting:
            self.closed = True
            remedy = QUARANTINE_REMEDY.format(name=self.name)
            self._board.report(self.name, "quarantined", QUARANTINE, f"{what}: {reason}", remedy)
