"""Stops a plugin that holds the event loop, and says whose code it was.

While a plugin's coroutine is being stepped an interval timer is armed; its signal raises in the code that
blocks. Arming and disarming costs half a microsecond a step, and nothing ticks while the server is idle.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, TypeVar

from rallypoint.plugins.deadline import on_main_thread

T = TypeVar("T")


class LoopBlocked(BaseException):
    """A plugin held the event loop for too long; raised inside its code, past every ``except Exception``."""


class Exited(Exception):
    """A plugin called ``sys.exit``, which would end the event loop."""


class Watchdog:
    """The timer that guards the event loop of this process.

    Does nothing until :meth:`start`, and nothing at all outside the main thread.

    Args:
        seconds: How long a plugin may hold the loop.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._plugin: str | None = None
        self._handler: Any = None
        self._armed = False

    def start(self) -> None:
        """Begin to guard; called on the loop's thread."""
        if on_main_thread() and not self._armed:
            self._handler = signal.signal(signal.SIGALRM, self._expired)
            self._armed = True

    def stop(self) -> None:
        """Stop guarding and put the earlier signal handler back."""
        if self._armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._handler)
            self._armed = False

    def watch(self, plugin: str, awaitable: Awaitable[T]) -> Awaitable[T]:
        """Return an awaitable that runs ``awaitable`` as the plugin's, each of its steps under the timer."""
        return _Stepped(self, plugin, awaitable) if self._armed else awaitable

    @contextmanager
    def watching(self, plugin: str) -> Iterator[None]:
        """Run a block of plain code as the plugin's."""
        if not self._armed:
            yield
            return
        outer = self._plugin
        self._plugin = plugin
        timer = signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)
        try:
            yield
        except SystemExit as error:
            raise Exited(f"{plugin} tried to end the process") from error
        finally:
            self._plugin = None  # before disarming: a signal in between must hit nobody
            signal.setitimer(signal.ITIMER_REAL, *timer)
            self._plugin = outer

    def _expired(self, _signal: int, _frame: FrameType | None) -> None:
        if self._plugin is not None:
            raise LoopBlocked(f"{self._plugin} held the event loop for more than {self._seconds:g} s")


class _Stepped(Generic[T]):
    """Drives an awaitable by hand, so that the timer runs only while its code does and not while it waits."""

    __slots__ = ("_awaitable", "_plugin", "_watchdog")

    def __init__(self, watchdog: Watchdog, plugin: str, awaitable: Awaitable[T]) -> None:
        self._watchdog, self._plugin, self._awaitable = watchdog, plugin, awaitable

    def __await__(self) -> Generator[Any, Any, T]:
        dog, plugin = self._watchdog, self._plugin
        inner = self._awaitable.__await__()
        step: Callable[[Any], Any] = inner.send
        argument: Any = None
        arm, real, seconds = signal.setitimer, signal.ITIMER_REAL, dog._seconds
        while True:
            outer, dog._plugin = dog._plugin, plugin
            timer = arm(real, seconds, seconds)
            try:
                waiting = step(argument)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            except SystemExit as error:
                raise Exited(f"{plugin} tried to end the process") from error
            finally:
                dog._plugin = None
                arm(real, *timer)
                dog._plugin = outer
            try:
                step, argument = inner.send, (yield waiting)
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:
                step, argument = inner.throw, error
