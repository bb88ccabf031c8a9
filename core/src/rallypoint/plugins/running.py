"""How the kernel's services run a plugin's work without knowing the dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Runner(Protocol):
    """Runs a coroutine of a plugin, its bugs and hangs counted against it (``plugins.dispatch``)."""

    async def __call__(
        self, plugin: str, work: Coroutine[Any, Any, T], *, what: str, timeout: float | None = None
    ) -> T:
        """Return what ``work`` returns.

        Args:
            plugin: Whose code it is.
            work: A coroutine of its code.
            what: For status and log.
            timeout: Seconds; None for no limit.

        Raises:
            PluginError: As the plugin raised it.
            Exception: For everything else that went wrong.
        """
        ...


async def run_plainly(
    plugin: str,  # noqa: ARG001
    work: Coroutine[Any, Any, T],
    *,
    what: str,  # noqa: ARG001
    timeout: float | None = None,
) -> T:
    """Await ``work`` and attribute nothing: the runner where there is no dispatcher."""
    async with asyncio.timeout(timeout):
        return await work
