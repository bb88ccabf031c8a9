"""Connections over HTTP: each user's own."""

from __future__ import annotations

from rallypoint.connections.api import Owner
from rallypoint.connections.schemas import ConnectBody, ConnectionOut, shown
from rallypoint.connections.service import Connections
from rallypoint.storage.database import Row
from rallypoint.web.routing import Call, Data, Done, Reply, Route, Routes

_ONE = {200: Data[ConnectionOut], 201: Data[ConnectionOut]}


def connection_routes(connections: Connections) -> list[Route]:
    """Return the routes of ``connections``."""
    routes = Routes("/api/v1/connections", tag="connections")

    @routes.add(
        "GET", "", summary="List services and my connections", replies={200: Data[list[ConnectionOut]]}
    )
    async def list_connections(call: Call) -> Reply:
        mine = {row["service"]: _out(row) for row in await connections.list(_owner(call))}
        offered = {name: _unconnected(name) for name in connections.services}
        merged = {**offered, **mine}
        return Reply(Data(data=[merged[name] for name in sorted(merged)]))

    @routes.add(
        "GET", "/<service>", summary="Show my connection", replies={200: Data[ConnectionOut]}, errors=(404,)
    )
    async def show_connection(call: Call, *, service: str) -> Reply:
        return Reply(Data(data=_out(await connections.row(_owner(call), service))))

    @routes.add(
        "PUT",
        "/<service>",
        summary="Connect a service, or replace its key",
        body=ConnectBody,
        replies=_ONE,
        errors=(400, 404, 503),
    )
    @routes.add(
        "POST",
        "/<service>",
        summary="Connect a service",
        body=ConnectBody,
        replies=_ONE,
        errors=(400, 404, 503),
    )
    async def connect(call: Call, *, service: str, body: ConnectBody) -> Reply:
        row, created = await connections.connect(_owner(call), service, body.api_key)
        return Reply(Data(data=_out(row)), status=201 if created else 200)

    @routes.add("DELETE", "/<service>", summary="Disconnect a service", replies={200: Done}, errors=(404,))
    async def disconnect(call: Call, *, service: str) -> Reply:
        await connections.disconnect(_owner(call), service)
        return Reply(Done(message="Disconnected"))

    def _out(row: Row) -> ConnectionOut:
        known = connections.services.get(row["service"])
        return shown(row, known.declared.title if known else None)

    def _unconnected(name: str) -> ConnectionOut:
        title = connections.services[name].declared.title
        return ConnectionOut(id=None, service=name, title=title, state="not_connected", available=True)

    return routes


def _owner(call: Call) -> Owner:
    caller = call.caller
    return Owner(caller.account_id, caller.user_id, caller.mode)
