"""The webhook routes: targets, their deliveries and replays, and the public check of a test delivery."""

from __future__ import annotations

from typing import Any

import orjson

from rallypoint.errors import Forbidden, NotFound, Unauthorized
from rallypoint.identity.api import Principal
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.ids import is_id
from rallypoint.web.routing import Access, Call, Data, Page, Reply, Routes
from rallypoint.webhooks import schemas, signing
from rallypoint.webhooks.canonical import canonical_json
from rallypoint.webhooks.history import History
from rallypoint.webhooks.targets import ROTATION_OVERLAP, Target, Targets


def webhook_routes(database: Database, targets: Targets, history: History, settings: Settings) -> Routes:
    """Return the routes under ``/api/v1/webhooks`` and ``/api/v1/deliveries``, and ``/webhooks/test``."""
    routes = Routes(tag="webhooks", limit="api")
    _add_targets(routes, database, targets)
    _add_deliveries(routes, targets, history)
    _add_test(routes, settings)
    return routes


def _add_targets(routes: Routes, database: Database, targets: Targets) -> None:
    @routes.add(
        "GET",
        "/api/v1/webhooks",
        summary="List the account's webhooks",
        query=schemas.PageQuery,
        replies={200: Page[schemas.Webhook]},
    )
    async def list_webhooks(call: Call, query: schemas.PageQuery) -> Reply:
        caller = call.caller
        found = await targets.page(caller.account_id, caller.mode, query.after, query.limit + 1)
        return _page([webhook_document(target) for target in found], query.limit)

    @routes.add(
        "POST",
        "/api/v1/webhooks/<webhook_id>/rotate-secret",
        summary="Give a webhook a new secret",
        replies={200: Data[schemas.RotatedSecret]},
        errors=[403, 404],
    )
    async def rotate_secret(call: Call, webhook_id: str) -> Reply:
        target = await _target(targets, call.caller, webhook_id)
        _must_manage(call.caller, target)
        async with database.transaction() as tx:
            secret = await targets.rotate(tx, target.id)
        until = clock.rfc3339(clock.now() + ROTATION_OVERLAP)
        return Reply({"data": {"id": target.id, "webhook_secret": secret, "previous_valid_until": until}})


def _add_deliveries(routes: Routes, targets: Targets, history: History) -> None:
    @routes.add(
        "GET",
        "/api/v1/webhooks/<webhook_id>/deliveries",
        summary="List a webhook's deliveries with every attempt, newest first",
        query=schemas.PageQuery,
        replies={200: Page[schemas.Delivery]},
        errors=[404],
    )
    async def list_deliveries(call: Call, webhook_id: str, query: schemas.PageQuery) -> Reply:
        target = await _target(targets, call.caller, webhook_id)
        return _page(await history.page(target.id, query.after, query.limit + 1), query.limit)

    @routes.add(
        "POST",
        "/api/v1/deliveries/<delivery_id>/replay",
        summary="Send a delivery again",
        replies={202: Data[schemas.Delivery]},
        errors=[404, 409],
        idempotent=True,
    )
    async def replay(call: Call, delivery_id: str) -> Reply:
        if not is_id(delivery_id):
            raise NotFound("There is no such delivery")
        caller = call.caller
        return Reply({"data": await history.replay(caller.account_id, caller.mode, delivery_id)}, 202)

    @routes.add(
        "POST",
        "/api/v1/webhooks/<webhook_id>/replay",
        summary="Send everything of a stretch of time again",
        body=schemas.ReplayRange,
        replies={202: Data[schemas.Replayed]},
        errors=[404, 409],
        idempotent=True,
    )
    async def replay_range(call: Call, webhook_id: str, body: schemas.ReplayRange) -> Reply:
        target = await _target(targets, call.caller, webhook_id)
        count = await history.replay_range(target, body.since, body.until)
        return Reply({"data": {"replayed": count}}, 202)


def _add_test(routes: Routes, settings: Settings) -> None:
    @routes.add(
        "POST",
        "/webhooks/test",
        summary="Check the signature of a test delivery",
        body=schemas.TestDelivery,
        replies={200: Data[schemas.TestVerdict]},
        errors=[401],
        access=Access.PUBLIC,
        limit="public_writes",
    )
    async def check(call: Call, body: schemas.TestDelivery) -> Reply:
        secret = call.headers.get("x-webhook-secret") or settings.webhook_test_secret.get_secret_value()
        signature = call.headers.get(signing.SIGNATURE.lower(), "")
        if not secret or not _signed(secret, call.raw, signature):
            raise Unauthorized("The signature does not match")
        return Reply({"data": {"valid": True, "event": body.event, "room_id": body.room_id}})


def _signed(secret: str, raw: bytes, signature: str) -> bool:
    """Tell whether the signature is over the bytes as sent, or as the documented verifier writes them again."""
    if signing.verify(secret, raw, signature):
        return True
    try:
        return signing.verify(secret, canonical_json(orjson.loads(raw)), signature)
    except ValueError:
        return False


async def _target(targets: Targets, caller: Principal, webhook_id: str) -> Target:
    if not is_id(webhook_id):
        raise NotFound("There is no such webhook")
    return await targets.get(caller.account_id, caller.mode, webhook_id)


def _must_manage(caller: Principal, target: Target) -> None:
    if caller.role != "admin" and caller.user_id != target.owner_id:
        raise Forbidden("Only the webhook's owner or an admin of its account may do this")


def _page(found: list[dict[str, Any]], limit: int) -> Reply:
    """Answer a page of which one item more than shown was read, to know whether there is a next one."""
    shown = found[:limit]
    return Reply({"data": shown, "next": shown[-1]["id"] if len(found) > limit else None})


def webhook_document(target: Target) -> dict[str, Any]:
    """Return a target as the API shows it."""
    return {
        "id": target.id,
        "kind": target.kind,
        "subject": target.subject,
        "url": target.url,
        "events": None if target.events is None else list(target.events),
        "state": target.state,
        "reason": target.reason or None,
        "failing_since": clock.rfc3339_or_none(target.failing_since),
        "created_at": clock.rfc3339(target.created_at),
        "updated_at": clock.rfc3339(target.updated_at),
    }
