"""The least that reading a calendar takes: each page read, parsed, and its events inserted as bare rows.

``python -m references.calendar_rows PORT EVENTS DATABASE`` prints a line of JSON with the ``seconds``; the database
is a file's path, or an URL of PostgreSQL.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

import aiohttp
import aiosqlite
import asyncpg
import orjson
import uvloop
from lib.calendar_pages import EVENTS

Row = tuple[str, int, int]
Insert = Callable[[Sequence[Row]], Awaitable[None]]
TABLE = "CREATE TABLE bare_events (id VARCHAR(1100) PRIMARY KEY, start_at BIGINT, end_at BIGINT)"


@asynccontextmanager
async def sqlite(path: str) -> AsyncIterator[Insert]:
    """Insert into a file, with the server's driver and set up as the server's."""
    async with aiosqlite.connect(path) as db:
        await db.execute("PRAGMA journal_mode = WAL")
        await db.execute("PRAGMA synchronous = NORMAL")
        await db.execute("DROP TABLE IF EXISTS bare_events")
        await db.execute(TABLE)

        async def insert(rows: Sequence[Row]) -> None:
            await db.executemany("INSERT INTO bare_events VALUES (?, ?, ?)", rows)
            await db.commit()

        yield insert


@asynccontextmanager
async def postgresql(url: str) -> AsyncIterator[Insert]:
    """Insert over one connection."""
    connection = await asyncpg.connect(url)
    await connection.execute("DROP TABLE IF EXISTS bare_events")
    await connection.execute(TABLE)

    async def insert(rows: Sequence[Row]) -> None:
        async with connection.transaction():
            await connection.executemany("INSERT INTO bare_events VALUES ($1, $2, $3)", rows)

    yield insert
    await connection.close()


def bare_table(database: str) -> AbstractAsyncContextManager[Insert]:
    """Make an empty table in a file or on PostgreSQL, and yield what inserts into it."""
    return postgresql(database) if database.startswith("postgres") else sqlite(database)


async def measure(port: int, events: int, database: str) -> float:
    async with bare_table(database) as insert, aiohttp.ClientSession() as session:
        gc.freeze()
        begun = time.perf_counter()
        token = "0"
        while token:
            async with session.get(
                f"http://127.0.0.1:{port}/{events}{EVENTS}", params={"pageToken": token}
            ) as answer:
                reply = orjson.loads(await answer.read())
            await insert([row(item) for item in reply["items"]])
            token = reply.get("nextPageToken", "")
        return time.perf_counter() - begun


def row(item: dict[str, dict[str, str]]) -> Row:
    return str(item["id"]), moment(item["start"]["dateTime"]), moment(item["end"]["dateTime"])


def moment(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


async def main() -> None:
    seconds = await measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    print(json.dumps({"seconds": seconds}))
    await asyncio.sleep(0)


if __name__ == "__main__":
    uvloop.run(main())
