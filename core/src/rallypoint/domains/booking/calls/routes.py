"""``/api/calls``."""

from __future__ import annotations

from rallypoint.domains.booking.calls import schemas
from rallypoint.domains.booking.calls.service import CallService
from rallypoint.web.routing import Call, Reply, Routes


def call_routes(calls: CallService) -> Routes:
    """Return the routes of calls."""
    routes = Routes("/api/calls", tag="booking", limit="api")

    @routes.add(
        "GET",
        "",
        summary="List calls, latest first",
        query=schemas.CallFilter,
        replies={200: schemas.Calls},
    )
    async def list_calls(call: Call, query: schemas.CallFilter) -> Reply:
        page, cursor = await calls.page(call.caller, query)
        return Reply({"data": page, "next": cursor})

    @routes.add(
        "POST",
        "",
        summary="Keep a call that was received",
        body=schemas.CreateCall,
        replies={201: schemas.CallRecord},
        errors=[404],
        idempotent=True,
    )
    async def create_call(call: Call, body: schemas.CreateCall) -> Reply:
        return Reply(await calls.create(call.caller, body), 201)

    @routes.add("GET", "/<call_id>", summary="Get a call", replies={200: schemas.CallRecord})
    async def get_call(call: Call, call_id: str) -> Reply:
        return Reply(await calls.get(call.caller, call_id))

    return routes
