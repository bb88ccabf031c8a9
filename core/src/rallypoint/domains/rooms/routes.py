"""``/api/v1/rooms``: rooms.md, path for path."""

from __future__ import annotations

from typing import Any

from rallypoint.domains.rooms import schemas
from rallypoint.domains.rooms.integrations import Integrations
from rallypoint.domains.rooms.records import room_document
from rallypoint.domains.rooms.service import RoomService
from rallypoint.domains.rooms.stays import StayService
from rallypoint.web.routing import Call, Data, Done, Page, Reply, Routes


def room_routes(rooms: RoomService, stays: StayService, integrations: Integrations) -> Routes:
    """Return the routes of rooms."""
    routes = Routes("/api/v1/rooms", tag="rooms", limit="api")
    _add_reading(routes, rooms)
    _add_changing(routes, rooms)
    _add_stays(routes, stays)
    _add_integrations(routes, integrations)
    return routes


def _add_reading(routes: Routes, rooms: RoomService) -> None:
    @routes.add("GET", "", summary="List rooms", query=schemas.RoomFilter, replies={200: Page[schemas.Room]})
    async def list_rooms(call: Call, query: schemas.RoomFilter) -> Reply:
        page, cursor = await rooms.page(call.caller, query)
        return Reply({"data": page, "next": cursor})

    @routes.add("GET", "/<room_id>", summary="Get a room", replies={200: Data[schemas.Room]}, errors=[404])
    async def get_room(call: Call, room_id: str) -> Reply:
        return _data(room_document(await rooms.get(call.caller, room_id)))


def _add_changing(routes: Routes, rooms: RoomService) -> None:
    @routes.add(
        "POST",
        "",
        summary="Create a room, or update the one of the same external session",
        body=schemas.CreateRoom,
        replies={201: Data[schemas.CreatedRoom], 200: Data[schemas.CreatedRoom]},
        errors=[403],
        idempotent=True,
    )
    async def create_room(call: Call, body: schemas.CreateRoom) -> Reply:
        room, secret, created = await rooms.create(call.caller, body)
        return _data({**room, "webhook_secret": secret}, 201 if created else 200)

    @routes.add(
        "PATCH",
        "/<room_id>",
        summary="Update a room",
        body=schemas.ChangeRoom,
        replies={200: Data[schemas.CreatedRoom]},
        errors=[403, 404],
    )
    async def update_room(call: Call, room_id: str, body: schemas.ChangeRoom) -> Reply:
        room, secret = await rooms.change(call.caller, room_id, body)
        return _data({**room, "webhook_secret": secret})

    @routes.add("POST", "/<room_id>/end", summary="End a room", replies={200: Done}, errors=[403, 404])
    async def end_room(call: Call, room_id: str) -> Reply:
        await rooms.end(call.caller, room_id)
        return Reply(Done(message="Room ended successfully"))


def _add_stays(routes: Routes, stays: StayService) -> None:
    @routes.add(
        "POST",
        "/<room_id>/join",
        summary="Join a room, or update the flags of the stay",
        body=schemas.JoinRoom,
        replies={201: Data[schemas.Participant], 200: Data[schemas.Participant]},
        errors=[403, 404],
        idempotent=True,
    )
    async def join_room(call: Call, room_id: str, body: schemas.JoinRoom) -> Reply:
        stay, created = await stays.join(call.caller, room_id, body)
        return _data(stay, 201 if created else 200)

    @routes.add("POST", "/<room_id>/leave", summary="Leave a room", replies={200: Done}, errors=[404])
    async def leave_room(call: Call, room_id: str) -> Reply:
        await stays.leave(call.caller, room_id)
        return Reply(Done(message="Left room successfully"))

    @routes.add(
        "GET",
        "/<room_id>/participants",
        summary="List who is in a room",
        replies={200: Data[list[schemas.Participant]]},
        errors=[404],
    )
    async def list_participants(call: Call, room_id: str) -> Reply:
        return _data(await stays.participants(call.caller, room_id))


def _add_integrations(routes: Routes, integrations: Integrations) -> None:
    @routes.add(
        "POST",
        "/<room_id>/integrations",
        summary="Configure an external service of a room",
        body=schemas.ConfigureIntegration,
        replies={201: Data[schemas.Integration], 200: Data[schemas.Integration]},
        errors=[403, 404],
        idempotent=True,
    )
    async def configure_integration(call: Call, room_id: str, body: schemas.ConfigureIntegration) -> Reply:
        document, created = await integrations.configure(call.caller, room_id, body)
        return _data(document, 201 if created else 200)

    @routes.add(
        "POST",
        "/<room_id>/sync",
        summary="Link a room to an external session and pull it now",
        body=schemas.SyncRoom,
        replies={200: schemas.SyncReply},
        errors=[403, 404, 409, 503],
    )
    async def sync_room(call: Call, room_id: str, body: schemas.SyncRoom) -> Reply:
        synced = await integrations.sync(call.caller, room_id, body)
        outcome = {"status": synced.status, "changed": list(synced.changed)}
        return Reply({"data": synced.room, "sync": outcome})


def _data(value: Any, status: int = 200) -> Reply:
    return Reply({"data": value}, status)
