"""Deliveries by hand: an aiohttp session, 100 posts at once, signed, and nothing kept of them.

``python -m references.aiohttp_loop WORK PORT`` prints a line of JSON: ``events``, ``deliver`` and ``cpu`` (seconds).
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hmac
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import uvloop

AT_ONCE = 100
Delivery = tuple[str, bytes, str, bytes]


def signed(secret: str, key: bytes, message_id: str, body: bytes) -> dict[str, str]:
    at = int(time.time())
    standard = hmac.digest(key, b"%b.%d.%b" % (message_id.encode(), at, body), "sha256")
    return {
        "Content-Type": "application/json",
        "User-Agent": "reference",
        "X-Webhook-Signature": hmac.digest(secret.encode(), body, "sha256").hex(),
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(standard).decode(),
    }


async def worker(session: aiohttp.ClientSession, url: str, work: Iterator[Delivery]) -> None:
    for delivery in work:
        async with session.post(url, data=delivery[3], headers=signed(*delivery)) as reply:
            await reply.read()
            if reply.status != 200:
                raise RuntimeError(f"the receiver answered {reply.status}")


async def main(path: str, port: str) -> None:
    work: list[Delivery] = [
        (item["secret"], base64.b64decode(item["secret"][6:]), item["id"], item["body"].encode())
        for item in json.loads(Path(path).read_text())
    ]
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        turns = iter(work)
        begun, used = time.perf_counter(), time.process_time()
        workers = (worker(session, f"http://127.0.0.1:{port}/hook", turns) for _ in range(AT_ONCE))
        await asyncio.gather(*workers)
        taken, used = time.perf_counter() - begun, time.process_time() - used
        print(json.dumps({"events": len(work), "deliver": taken, "cpu": used}))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:3]))
