"""How many sockets a user has open over all processes.

A set for each user holds ``process.connection`` for each socket; what belongs to a process without heartbeat does
not count and is swept out when the user connects again.
"""

from __future__ import annotations

import asyncio
import time

from rallypoint.redis.link import FAILURES, Link

TTL_SECONDS = 86_400
REFRESH_SECONDS = 3_600.0
_CLAIM = """
local alive, count = {[ARGV[1]] = true}, 0
for _, each in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local process = string.match(each, '^[^.]+')
  if alive[process] == nil then
    alive[process] = redis.call('EXISTS', ARGV[4] .. process) == 1
  end
  if alive[process] then count = count + 1 else redis.call('SREM', KEYS[1], each) end
end
if count >= tonumber(ARGV[3]) then return 0 end
redis.call('SADD', KEYS[1], ARGV[1] .. '.' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


class SocketCount:
    """Counts sockets.

    Args:
        link: To Redis.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._script = link.client.register_script(_CLAIM)
        self._open: dict[str, set[str]] = {}
        self._closed: dict[str, set[str]] = {}
        self._writer: asyncio.Task[None] | None = None
        self._refreshed = time.monotonic()
        link.add(self)
        link.recovered.append(self._write)

    async def claim(self, user_id: str, connection_id: str, limit: int) -> bool:
        """Count a socket and tell whether its user may have it; while Redis is away, everybody may."""
        self._open.setdefault(user_id, set()).add(connection_id)
        if not self._link.up:
            return True
        try:
            allowed = await self._script(
                [self._key(user_id)],
                [self._link.process, connection_id, limit, self._link.key("alive", ""), TTL_SECONDS],
            )
        except FAILURES as error:
            self._link.failed(error)
            return True
        return bool(allowed)

    def release(self, user_id: str, connection_id: str) -> None:
        """Count a socket no more."""
        mine = self._open.get(user_id, set())
        if connection_id in mine:
            mine.remove(connection_id)
            if not mine:
                del self._open[user_id]
            self._closed.setdefault(user_id, set()).add(connection_id)
            self._write()

    async def resume(self) -> None:
        """Write down every open socket, for Redis may have lost them."""
        async with self._link.client.pipeline(transaction=False) as pipeline:
            for user_id, connections in self._open.items():
                pipeline.sadd(self._key(user_id), *map(self._entry, connections))
                pipeline.expire(self._key(user_id), TTL_SECONDS)
            await pipeline.execute()

    async def check(self) -> None:
        """Keep what was written from expiring."""
        if time.monotonic() - self._refreshed > REFRESH_SECONDS:
            self._refreshed = time.monotonic()
            await self.resume()

    async def close(self) -> None:
        """Write what is to be written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    def _write(self) -> None:
        if self._link.up and self._closed and self._writer is None:
            self._writer = asyncio.create_task(self._drain(), name="redis sockets")

    async def _drain(self) -> None:
        try:
            while self._closed and self._link.up:
                batch, self._closed = self._closed, {}
                try:
                    await self._remove(batch)
                except FAILURES as error:
                    for user_id, connections in batch.items():
                        self._closed.setdefault(user_id, set()).update(connections)
                    self._link.failed(error)
        finally:
            self._writer = None

    async def _remove(self, batch: dict[str, set[str]]) -> None:
        async with self._link.client.pipeline(transaction=False) as pipeline:
            for user_id, connections in batch.items():
                pipeline.srem(self._key(user_id), *map(self._entry, connections))
            await pipeline.execute()

    def _key(self, user_id: str) -> str:
        return self._link.key("sockets", user_id)

    def _entry(self, connection_id: str) -> str:
        return f"{self._link.process}.{connection_id}"
