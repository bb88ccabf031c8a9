"""Procrastinate's connector with one connection that listens for all queues, where each worker would take its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import structlog
from procrastinate import PsycopgConnector
from procrastinate.connector import Notify
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

_START_SECONDS = 5.0
_RESTART_SECONDS = 1.0
_SILENCE_SECONDS = 30.0
_LOOK = '{"type": "job_inserted", "job_id": 0}'
_log = structlog.stdlib.get_logger("rallypoint.jobs")


class SharedListener(PsycopgConnector):
    """Hands notifications to the worker of their queue.

    Args:
        url: Of the database.
        pool: Arguments of the pool that everything else goes through.
    """

    def __init__(self, url: str, **pool: Any) -> None:
        super().__init__(conninfo=url, **pool)
        self._url = url
        self._heard_by: dict[str, Notify] = {}
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def listen(self, channels: Iterable[str]) -> None:
        """Begin to listen; before the workers, so that they miss nothing."""
        self._task = asyncio.create_task(self._listen(list(channels)), name="jobs.listener")
        with suppress(TimeoutError):  # the workers poll meanwhile
            await asyncio.wait_for(self._listening.wait(), _START_SECONDS)

    async def close_async(self) -> None:
        """Stop listening and close the pool."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await super().close_async()

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Be told, until cancelled, of what comes on ``channels``; called by each worker."""
        mine = dict.fromkeys(channels, on_notification)
        self._heard_by.update(mine)
        try:
            await asyncio.Event().wait()
        finally:
            for channel in mine:
                self._heard_by.pop(channel, None)

    async def _listen(self, channels: list[str]) -> None:
        while True:
            try:
                await self._listen_once(channels)
            except Exception as error:
                _log.warning("nobody listens for new jobs; they are polled for", error=repr(error))
            await asyncio.sleep(_RESTART_SECONDS)

    async def _listen_once(self, channels: list[str]) -> None:
        async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
            for channel in channels:
                await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
            self._listening.set()
            for channel in channels:  # for what came while nobody listened
                await self._hand_on(channel, _LOOK)
            while True:
                async for heard in connection.notifies(timeout=_SILENCE_SECONDS):
                    await self._hand_on(heard.channel, heard.payload)
                await connection.execute("SELECT 1")  # raises when the connection is dead

    async def _hand_on(self, channel: str, payload: str) -> None:
        if heard_by := self._heard_by.get(channel):
            await heard_by(channel=channel, payload=payload)
