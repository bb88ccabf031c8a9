"""The only caller of plugin code: it awaits, times, attributes failures, and lets the others go on."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pluggy

from rallypoint.errors import ApiError, PluginError
from rallypoint.plugins.failures import PluginFailed, as_api_error, describe, remedy_of, status_of
from rallypoint.plugins.gate import Gate
from rallypoint.plugins.hooks import Hooks
from rallypoint.plugins.loaded import LoadedPlugin
from rallypoint.plugins.status import StatusBoard
from rallypoint.plugins.watchdog import LoopBlocked, Watchdog
from rallypoint.web.routing import Handler, Reply

T = TypeVar("T")
Coro = Coroutine[Any, Any, Any]
CANCEL_GRACE = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one plugin's implementation of a hook.

    Args:
        plugin: Whose.
        value: What it returned.
        error: What it raised: a ``PluginError`` of its own, or ``PluginFailed`` for everything else.
    """

    plugin: str
    value: Any = None
    error: Exception | None = None


class Dispatcher:
    """Calls the hooks, routes, tasks and webhook handlers of loaded plugins.

    Args:
        plugins: The loaded ones by name; read at each call, so that dropping one takes effect.
        hooks: Who implements what.
        board: Where trouble shows.
        hook_timeout: Seconds a hook may take.
        block_timeout: Seconds a plugin may hold the event loop.
    """

    def __init__(
        self,
        plugins: Mapping[str, LoadedPlugin],
        hooks: Hooks,
        board: StatusBoard,
        *,
        hook_timeout: float,
        block_timeout: float,
    ) -> None:
        self._plugins, self._hooks, self._board = plugins, hooks, board
        self.timeout = hook_timeout
        self._gates: dict[str, Gate] = {}
        self.watchdog = Watchdog(block_timeout)

    async def call_all(self, hook: str, **arguments: Any) -> list[Outcome]:
        """Call every loaded plugin's implementation of an async hook at once.

        Args:
            hook: Its name.
            arguments: What it takes, beside ``ctx``.

        Returns:
            One outcome for each plugin that implements it, in the order of loading; nothing is raised.
        """
        names = self.implementers(hook)
        return list(await asyncio.gather(*(self._outcome(name, hook, arguments) for name in names)))

    async def call(self, plugin: str, hook: str, **arguments: Any) -> Any:
        """Call one plugin's implementation of an async hook; None when it has none.

        Raises:
            PluginError: One the plugin raised, or ``RetryLater`` while it is quarantined.
            PluginFailed: It raised anything else, or took too long.
        """
        implementation = self._implementation(plugin, hook)
        if implementation is None:
            return None
        work = cast(Coro, implementation.function(*self._bound(plugin, implementation, arguments)))
        return await self.run(plugin, work, what=hook, timeout=self.timeout, always=hook == "shutdown")

    async def collect(self, hook: str, **arguments: Any) -> list[Any]:
        """Return the items of every implementation of a plain hook; a plugin that fails is left out."""
        return [item for _, item in await self.collect_owned(hook, **arguments)]

    async def collect_owned(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Return the same as :meth:`collect`, each item with the name of its plugin."""
        items: list[tuple[str, Any]] = []
        for name in self.implementers(hook):
            try:
                items += [(name, item) for item in self._collected(name, hook, arguments)]
            except (PluginError, PluginFailed):
                continue  # it shows in the plugin's status
        return items

    async def run(
        self,
        plugin: str,
        work: Coroutine[Any, Any, T],
        *,
        what: str,
        timeout: float | None = None,
        expected: tuple[type[Exception], ...] = (),
        always: bool = False,
    ) -> T:
        """Run a piece of a plugin's work: a hook, a task, a webhook's handler, a channel's method.

        Args:
            plugin: Whose.
            work: A coroutine of its code.
            what: For status and log, such as ``task sync``; few different ones.
            timeout: Seconds; None for no limit.
            expected: Exceptions that are answers and no failures.
            always: Run it even while the plugin is quarantined.

        Raises:
            PluginError: As the plugin raised it, or ``RetryLater`` while it is quarantined.
            PluginFailed: It raised anything else, or took too long.
        """
        if self.gate(plugin).closed and not always:
            work.close()
            self.gate(plugin).check_work()
        with self._attributed(plugin, what, expected):
            watched = self.watchdog.watch(plugin, work)
            result = await (watched if timeout is None else _within(timeout, watched))
        self._board.clear(plugin, what)
        return result

    def call_plain(
        self, plugin: str, what: str, function: Callable[..., T], *arguments: Any, expected: Any = ()
    ) -> T:
        """Call plain code of a plugin, such as a webhook's verifier, in the loop; errors as in :meth:`run`.

        ``ApiError`` passes: verifiers answer with it.
        """
        self.gate(plugin).check_work()
        with self._attributed(plugin, what, (ApiError, *expected)), self.watchdog.watching(plugin):
            return function(*arguments)

    def guard(self, plugin: str, what: str = "route") -> Callable[[Handler], Handler]:
        """Return a decorator for the plugin's route handlers.

        The guarded handler raises ``Unavailable`` while the plugin is quarantined; its own ``PluginError``
        becomes what a caller can use, ``ApiError`` passes, and anything else is counted and raised again.
        Core domains are not stepped under the watchdog, which keeps their hot paths bare.
        """
        gate = self.gate(plugin)
        core = self._plugins[plugin].is_core

        def decorate(handler: Handler) -> Handler:
            watch = self.watchdog.watch

            @functools.wraps(handler)
            async def guarded(*arguments: Any, **variables: Any) -> Reply:
                gate.check_caller()
                try:
                    work = handler(*arguments, **variables)
                    return await (work if core else watch(plugin, work))
                except ApiError:
                    raise
                except PluginError as error:
                    raise as_api_error(error) from error
                except LoopBlocked as error:
                    gate.hang(what, str(error))
                    raise PluginFailed(plugin, what, str(error)) from error
                except Exception as error:
                    gate.bug(what, error)
                    raise

            return guarded

        return decorate

    def gate(self, plugin: str) -> Gate:
        """Return what stands before a loaded plugin's code."""
        gate = self._gates.get(plugin)
        if gate is None:
            lasting = self._plugins[plugin].is_core
            gate = self._gates[plugin] = Gate(plugin, self._board, lasting=lasting)
        return gate

    def resume(self, plugin: str) -> None:
        """Lift a plugin's quarantine in this process; harmless when there is none."""
        if plugin in self._plugins:
            self.gate(plugin).open()

    def implementers(self, hook: str) -> list[str]:
        """Return the loaded plugins that implement a hook, in the order of loading."""
        return [name for name in self._hooks.implementers(hook) if name in self._plugins]

    async def _outcome(self, plugin: str, hook: str, arguments: Mapping[str, Any]) -> Outcome:
        try:
            return Outcome(plugin, await self.call(plugin, hook, **arguments))
        except (PluginError, PluginFailed) as error:
            return Outcome(plugin, error=error)

    def _collected(self, plugin: str, hook: str, arguments: Mapping[str, Any]) -> list[Any]:
        implementation = self._implementation(plugin, hook)
        if implementation is None:
            return []
        bound = self._bound(plugin, implementation, arguments)
        items = self.call_plain(plugin, hook, lambda: _listed(implementation.function(*bound)))
        self._board.clear(plugin, hook)
        return items

    def _implementation(self, plugin: str, hook: str) -> pluggy.HookImpl | None:
        return self._hooks.implementation(plugin, hook) if plugin in self._plugins else None

    def _bound(
        self, plugin: str, implementation: pluggy.HookImpl, arguments: Mapping[str, Any]
    ) -> Iterator[Any]:
        known = {"ctx": self._plugins[plugin].ctx, **arguments}
        return (known[name] for name in implementation.argnames)

    @contextmanager
    def _attributed(self, plugin: str, what: str, expected: tuple[type[Exception], ...]) -> Iterator[None]:
        gate = self.gate(plugin)
        try:
            yield
        except expected:
            raise
        except PluginError as error:
            self._board.report(plugin, status_of(error), what, describe(error), remedy_of(error))
            raise
        except (LoopBlocked, _TookTooLong) as error:
            gate.hang(what, str(error))
            raise PluginFailed(plugin, what, str(error)) from error
        except Exception as error:
            gate.bug(what, error)
            raise PluginFailed(plugin, what, describe(error)) from error


def _listed(items: object) -> list[Any]:
    return list(cast(Iterable[Any], items))


class _TookTooLong(Exception):
    """Our own timeout, told from one that the plugin raised."""


async def _within(seconds: float, work: Awaitable[T]) -> T:
    """Await ``work`` for so long; one that swallows its cancellation is left behind after a grace period."""
    task = asyncio.ensure_future(_awaited(work))
    task.add_done_callback(_retrieve)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        return task.result()
    task.cancel()
    await asyncio.wait({task}, timeout=CANCEL_GRACE)
    raise _TookTooLong(f"took more than {seconds:g} s")


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Look at an abandoned task's exception, so that asyncio does not complain that nobody did."""
    if not task.cancelled():
        task.exception()
