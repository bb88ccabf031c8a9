"""A tiny balancer of TCP connections: each goes to the next server that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count


@asynccontextmanager
async def balancer(ports: Sequence[int]) -> AsyncIterator[str]:
    """Serve on a free port of 127.0.0.1 until the block ends, and return its URL."""
    turn = count()
    carrying: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        carrying.add(task)
        first = next(turn)
        for offset in range(len(ports)):
            with suppress(OSError):
                port = ports[(first + offset) % len(ports)]
                far = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_carry(reader, far[1]), _carry(far[0], writer))
                break
        writer.close()
        carrying.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
