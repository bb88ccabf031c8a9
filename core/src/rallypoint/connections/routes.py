"""Connections over HTTP: each user's own."""

from __future__ import annotations

from yarl import URL

from rallypoint.connections.api import OAuthFailed, Owner
from rallypoint.connections.schemas import (
    AuthorizeBody,
    AuthorizeOut,
    CallbackQuery,
    ConnectBody,
    ConnectionOut,
    TimelineOut,
    shown,
    told,
    unconnected,
)
from rallypoint.connections.service import Connections
from rallypoint.plugins.contributions import CALLBACK_PATH
from rallypoint.web.routing import Access, Call, Data, Done, Reply, Route, Routes

PREFIX = "/api/v1/connections"
_ONE = {200: Data[ConnectionOut], 201: Data[ConnectionOut]}
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def connection_routes(connections: Connections) -> list[Route]:
    """Return the routes of ``connections``."""
    return [*_own_routes(connections), *_consent_routes(connections)]


def _own_routes(connections: Connections) -> Routes:
    routes = Routes(PREFIX, tag="connections")

    @routes.add(
        "GET", "", summary="List services and my connections", replies={200: Data[list[ConnectionOut]]}
    )
    async def list_connections(call: Call) -> Reply:
        known = connections.services
        mine = {
            row["service"]: shown(row, known.get(row["service"]))
            for row in await connections.list(Owner.of(call.caller))
        }
        merged = {name: unconnected(one) for name, one in known.items()} | mine
        return Reply(Data(data=[merged[name] for name in sorted(merged)]))

    @routes.add(
        "GET", "/<service>", summary="Show my connection", replies={200: Data[ConnectionOut]}, errors=(404,)
    )
    async def show_connection(call: Call, *, service: str) -> Reply:
        row = await connections.row(Owner.of(call.caller), service)
        return Reply(Data(data=shown(row, connections.services.get(service))))

    @routes.add(
        "GET",
        "/<service>/timeline",
        summary="Show what happened to my connection",
        replies={200: Data[TimelineOut]},
        errors=(404,),
    )
    async def show_timeline(call: Call, *, service: str) -> Reply:
        row = await connections.row(Owner.of(call.caller), service)
        return Reply(Data(data=told(row, await connections.timeline(row["id"]))))

    @routes.add(
        "PUT",
        "/<service>",
        summary="Connect a service with a key, or replace its key",
        body=ConnectBody,
        replies=_ONE,
        errors=(400, 404, 503),
    )
    @routes.add(
        "POST",
        "/<service>",
        summary="Connect a service with a key",
        body=ConnectBody,
        replies=_ONE,
        errors=(400, 404, 503),
    )
    async def connect(call: Call, *, service: str, body: ConnectBody) -> Reply:
        row, created = await connections.connect(Owner.of(call.caller), service, body.api_key)
        return Reply(Data(data=shown(row, connections.services.get(service))), status=201 if created else 200)

    @routes.add("DELETE", "/<service>", summary="Disconnect a service", replies={200: Done}, errors=(404,))
    async def disconnect(call: Call, *, service: str) -> Reply:
        await connections.disconnect(Owner.of(call.caller), service)
        return Reply(Done(message="Disconnected"))

    return routes


def _consent_routes(connections: Connections) -> Routes:
    routes = Routes(tag="connections")

    @routes.add(
        "POST",
        f"{PREFIX}/<service>/authorize",
        summary="Begin to connect a service by consent",
        body=AuthorizeBody,
        replies={200: Data[AuthorizeOut]},
        errors=(400, 404, 409),
    )
    async def authorize(call: Call, *, service: str, body: AuthorizeBody) -> Reply:
        url = await connections.begin(
            Owner.of(call.caller), service, scopes=body.scopes, return_to=body.return_to
        )
        return Reply(Data(data=AuthorizeOut(url=url)))

    @routes.add(
        "GET",
        CALLBACK_PATH,
        summary="Come back from a provider's consent page",
        query=CallbackQuery,
        replies={200: Done, 302: None},
        errors=(400,),
        access=Access.PUBLIC,
    )
    async def callback(_call: Call, *, query: CallbackQuery) -> Reply:
        try:
            done = await connections.complete(
                query.state, code=query.code, error=query.error, path=CALLBACK_PATH
            )
        except OAuthFailed as failed:
            if not failed.return_to:
                raise
            return _back(failed.return_to, error=f"oauth_{failed.reason}")
        if done.return_to:
            return _back(done.return_to, success="true", service=done.connection.service)
        return Reply(Done(message="Connected"), headers=_PRIVATE)

    return routes


def _back(url: str, **said: str) -> Reply:
    """Send the browser on; no word of the code it brought goes with it."""
    return Reply(None, status=302, headers={**_PRIVATE, "Location": str(URL(url).update_query(said))})
