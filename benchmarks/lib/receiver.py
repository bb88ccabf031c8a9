"""A webhook receiver that answers 200: ``python -m lib.receiver PORT``; GET answers how many came."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from lib.http_load import message_length

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"received":true}'


class Receiver(asyncio.Protocol):
    """One connection."""

    received = 0

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (length := message_length(self._buffer)) is not None and len(self._buffer) >= length:
            reply = self._answer(self._buffer.startswith(b"POST"))
            del self._buffer[:length]
            self._transport.write(reply)  # type: ignore[attr-defined]

    @staticmethod
    def _answer(is_delivery: bool) -> bytes:
        if is_delivery:
            Receiver.received += 1
            return OK
        count = str(Receiver.received)
        return f"HTTP/1.1 200 OK\r\nContent-Length: {len(count)}\r\n\r\n{count}".encode()


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
