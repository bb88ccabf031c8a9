"""``/webhooks/zapier/user_7``: what Zapier calls with a user's key."""

from __future__ import annotations

import hmac
from typing import get_args

from rallypoint.sdk import (
    Call,
    Done,
    HeaderKey,
    NotFound,
    People,
    PluginContext,
    Principal,
    Reply,
    Routes,
    Unauthorized,
)
from rallypoint_zapier import schemas
from rallypoint_zapier.actions import Actions
from rallypoint_zapier.keys import Keys
from rallypoint_zapier.samples import samples
from rallypoint_zapier.subscriptions import KEY_HEADER, Subscriptions


def zapier_routes(ctx: PluginContext) -> Routes:
    """Return the routes that know their caller by the key."""
    key = HeaderKey(KEY_HEADER, ctx.once(Keys).identify, "From POST /integrations/zapier/generate-key")
    routes = Routes("/webhooks/zapier/<user_ref>", tag="zapier", key=key)
    _add_hooks(routes, ctx)
    _add_reads(routes, ctx)
    _add_actions(routes, ctx)
    return routes


def _add_hooks(routes: Routes, ctx: PluginContext) -> None:
    subscriptions = ctx.once(Subscriptions)

    @routes.add(
        "POST",
        "",
        summary="Subscribe a hook to an event",
        body=schemas.Subscribe,
        replies={201: schemas.SubscriptionOut},
        errors=[404, 409],
        idempotent=True,
    )
    async def subscribe(call: Call, user_ref: str, body: schemas.Subscribe) -> Reply:
        id_ = await subscriptions.add(_owner(call, user_ref), body.hookUrl, body.event)
        return Reply(schemas.SubscriptionOut(id=id_, event=body.event, hookUrl=body.hookUrl), 201)

    @routes.add("DELETE", "/<subscription_id>", summary="Unsubscribe a hook", replies={200: Done})
    async def unsubscribe(call: Call, user_ref: str, subscription_id: str) -> Reply:
        await subscriptions.remove(_owner(call, user_ref), subscription_id)
        return Reply(Done(message="Unsubscribed"))


def _add_reads(routes: Routes, ctx: PluginContext) -> None:
    @routes.add("GET", "", summary="Test a key", replies={200: schemas.Succeeded[schemas.MeOut]})
    async def me(call: Call, user_ref: str) -> Reply:
        caller = _owner(call, user_ref)
        person = await ctx.service(People).find(caller.account_id, caller.user_id)
        if person is None:
            raise Unauthorized("The key is not valid")
        data = schemas.MeOut(
            id=user_ref, email=person.email, name=person.name, account=person.account_name, mode=caller.mode
        )
        return Reply(schemas.Succeeded(data=data))

    @routes.add(
        "GET",
        "/samples/<event>",
        summary="List recent items of an event, newest first, in the shape of the hook",
        replies={200: schemas.Samples},
    )
    async def list_samples(call: Call, user_ref: str, event: str) -> Reply:
        caller = _owner(call, user_ref)
        for name in get_args(schemas.EventName):
            if name == event:
                return Reply(await samples(ctx, caller, name))
        raise NotFound(f"There is no event {event!r}")


def _add_actions(routes: Routes, ctx: PluginContext) -> None:
    actions = ctx.once(Actions)
    out = schemas.Succeeded[schemas.AppointmentOut]

    @routes.add(
        "POST",
        "/actions/create-appointment",
        summary="Book an appointment",
        body=schemas.CreateAppointment,
        replies={201: out},
        errors=[404, 409],
        idempotent=True,
    )
    async def create(call: Call, user_ref: str, body: schemas.CreateAppointment) -> Reply:
        return Reply(out(data=await actions.create(_owner(call, user_ref), body)), 201)

    @routes.add(
        "POST",
        "/actions/reschedule-appointment",
        summary="Move an appointment",
        body=schemas.RescheduleAppointment,
        replies={200: out},
        errors=[404, 409],
        idempotent=True,
    )
    async def reschedule(call: Call, user_ref: str, body: schemas.RescheduleAppointment) -> Reply:
        return Reply(out(data=await actions.reschedule(_owner(call, user_ref), body)))

    @routes.add(
        "POST",
        "/actions/cancel-appointment",
        summary="Cancel an appointment",
        body=schemas.CancelAppointment,
        replies={200: out},
        errors=[404, 409],
        idempotent=True,
    )
    async def cancel(call: Call, user_ref: str, body: schemas.CancelAppointment) -> Reply:
        return Reply(out(data=await actions.cancel(_owner(call, user_ref), body)))


def _owner(call: Call, user_ref: str) -> Principal:
    """Return the caller, whose address this must be."""
    expected = f"user_{call.caller.user_number}".encode()
    if not hmac.compare_digest(expected, user_ref.encode("utf-8", "surrogateescape")):
        raise Unauthorized("The key is not valid")
    return call.caller
