"""A calendar of Google's shape, read page by page: ``python -m lib.calendar_pages PORT``.

``/<events>/calendar/v3/calendars/primary/events`` lists as many events in pages of 250, and nothing after that; any
other GET answers how many pages were asked for.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import uvloop

from lib.http_load import message_length

PAGE = 250
EVENTS = "/calendar/v3/calendars/primary/events"
_FIRST = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


def event(number: int) -> dict[str, Any]:
    """Return an event with the fields that the plugin asks for."""
    start = _FIRST + timedelta(hours=number)
    return {
        "id": f"{number:026x}",
        "etag": f'"{3_400_000_000_000_000 + number}"',
        "status": "confirmed",
        "updated": "2026-11-01T08:00:00.000Z",
        "summary": f"Weekly review of project {number}",
        "description": "Agenda: what was done, what is next, what is in the way. Bring figures, leave slides.",
        "start": {"dateTime": start.isoformat(), "timeZone": "Europe/London"},
        "end": {"dateTime": (start + timedelta(minutes=45)).isoformat(), "timeZone": "Europe/London"},
        "organizer": {"self": True},
        "attendees": [
            {"email": "host@example.com", "self": True, "responseStatus": "accepted"},
            {"email": f"guest{number}@example.com", "responseStatus": "needsAction"},
        ],
    }


@lru_cache(maxsize=1000)
def page(events: int, begin: int) -> bytes:
    """Return the page that begins with an event, as a whole answer."""
    end = min(begin + PAGE, events)
    where = {"nextPageToken": str(end)} if end < events else {"nextSyncToken": "done"}
    body = orjson.dumps(
        {"timeZone": "Europe/London", "items": [event(n) for n in range(begin, end)], **where}
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Calendar(asyncio.Protocol):
    """One connection."""

    asked = 0

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (length := message_length(self._buffer)) is not None and len(self._buffer) >= length:
            url = urlsplit(self._buffer.split(b" ", 2)[1].decode())
            del self._buffer[:length]
            self._transport.write(answer(url.path, parse_qs(url.query)))  # type: ignore[attr-defined]


def answer(path: str, query: dict[str, list[str]]) -> bytes:
    """Return a page, or how many were asked for."""
    if not path.endswith(EVENTS):
        count = str(Calendar.asked)
        return f"HTTP/1.1 200 OK\r\nContent-Length: {len(count)}\r\n\r\n{count}".encode()
    Calendar.asked += 1
    events = int(path.split("/")[1])
    return page(events, events if "syncToken" in query else int(query.get("pageToken", ["0"])[0]))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Calendar, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
