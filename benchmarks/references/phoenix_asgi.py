"""Phoenix Channels v2 frames from bare ASGI: join, publish on request, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

TEXT = "x" * 100
members: list[Send] = []


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
    else:
        await websocket(receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def websocket(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    try:
        while (message := await receive())["type"] == "websocket.receive":
            join_ref, ref, topic, event, payload = orjson.loads(message["text"])
            if event == "phx_join":
                await send(text([join_ref, ref, topic, "phx_reply", {"status": "ok", "response": {}}]))
                members.append(send)
            elif event == "publish":
                await publish(topic, payload)
                await send(text([join_ref, ref, topic, "phx_reply", {"status": "ok", "response": {}}]))
    finally:
        if send in members:
            members.remove(send)


async def publish(topic: str, payload: dict[str, Any]) -> None:
    for _ in range(payload["count"]):
        message = text([None, None, topic, "tick", {"sent": payload["sent"], "text": TEXT}])
        for member in members:
            await member(message)
        await asyncio.sleep(0)  # each message on its own, as from requests of their own


def text(frame: list[Any]) -> dict[str, Any]:
    return {"type": "websocket.send", "text": orjson.dumps(frame).decode()}
