"""What the short way out leans on in python-engineio and python-socketio: an upgrade that moves it must fail here."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import engineio
import socketio
from engineio.async_drivers import asgi
from engineio.async_socket import AsyncSocket
from engineio.packet import MESSAGE, Packet

from rallypoint.realtime.engineio import DirectServer, DirectSocketIO, DirectWebSocket, PacketQueue
from rallypoint.realtime.outbound import QueueLimits, text_frame

LIMITS = QueueLimits(20, 1000)


def direct_server() -> DirectServer:
    return DirectServer(async_mode="asgi", limits=LIMITS, patience=30)


def test_drivers_are_looked_up_in_the_table_of_the_server() -> None:
    assert asgi._async["websocket"] is asgi.WebSocket
    assert direct_server()._async["websocket"] is DirectWebSocket
    assert asgi._async["websocket"] is asgi.WebSocket
    assert "self.server._async['websocket']" in inspect.getsource(AsyncSocket._upgrade_websocket)


def test_socketio_makes_the_engine_we_tell_it() -> None:
    assert isinstance(DirectSocketIO(async_mode="asgi", limits=LIMITS, patience=30).eio, DirectServer)
    assert socketio.AsyncServer(async_mode="asgi")._engineio_server_class() is engineio.AsyncServer


def test_sockets_take_their_queue_from_the_server_and_say_when_they_are_upgraded() -> None:
    socket = AsyncSocket(direct_server(), "s")
    assert isinstance(socket.queue, PacketQueue)
    assert socket.upgraded is False


async def test_writer_calls_task_done_before_it_can_be_interrupted() -> None:
    socket = AsyncSocket(direct_server(), "s")
    for number in range(3):
        socket.queue.put_nowait(Packet(MESSAGE, str(number)))
    assert socket.queue.held == 3
    taken = await socket.poll()
    assert [packet.data for packet in taken] == ["0", "1", "2"]
    assert socket.queue.held == 0


async def test_one_poll_takes_no_more_packets_than_clients_accept() -> None:
    socket = AsyncSocket(direct_server(), "s")
    for number in range(20):
        socket.queue.put_nowait(Packet(MESSAGE, str(number)))
    assert [len(await socket.poll()) for _ in range(2)] == [16, 4]


async def test_frames_queue_behind_what_the_writer_holds() -> None:
    server = direct_server()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message.get("text", message["type"]))

    socket = server.sockets["s"] = AsyncSocket(server, "s")
    never = asyncio.Event()
    driver = server._async["websocket"](socket._websocket_handler, server)
    serving = asyncio.create_task(driver({"asgi.receive": never.wait, "asgi.send": send}))
    while "s" not in server.drivers or not socket.upgraded:
        await asyncio.sleep(0)
    transmit = server.sender("s")
    transmit(text_frame("4direct"))
    assert sent == ["websocket.accept", "4direct"]
    await socket.send(Packet(MESSAGE, "queued"))
    transmit(text_frame("4behind"))
    assert sent[2:] == []
    while len(sent) < 4:
        await asyncio.sleep(0)
    transmit(text_frame("4direct again"))
    assert sent[2:] == ["4queued", "4behind", "4direct again"]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert server.drivers == {}


def test_queue_of_a_polling_client_is_bounded() -> None:
    server = direct_server()
    cut: list[str] = []
    server.overflowed = cut.append
    server.sockets["s"] = AsyncSocket(server, "s")
    transmit = server.sender("s")
    for _ in range(20):
        transmit(text_frame("4x"))
    assert cut == []
    transmit(text_frame("4x"))
    assert cut == ["s"]
