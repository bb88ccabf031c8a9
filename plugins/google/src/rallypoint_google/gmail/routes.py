"""``/api/google`` and ``/api/gmail``, as inbox.md has them."""

from __future__ import annotations

from typing import Any

from rallypoint.domains.booking.api.connecting_schemas import Callback
from rallypoint.domains.integrations.api import return_url
from rallypoint.sdk import (
    Access,
    Call,
    Connection,
    Data,
    Forbidden,
    NeedsReauth,
    NotFound,
    OAuthFailed,
    Owner,
    PermanentFailure,
    PluginContext,
    Reply,
    RetryLater,
    Route,
    Routes,
    Unavailable,
    ValidationFailed,
)
from rallypoint_google.gmail.compose import check
from rallypoint_google.gmail.schemas import Authorization, AuthQuery, Ok, SendBody, Sent, Url
from rallypoint_google.gmail.sending import send
from rallypoint_google.services import GMAIL, GMAIL_CALLBACK

_NOT_AUTHORIZED = "Gmail is not connected"


def gmail_routes(ctx: PluginContext) -> list[Route]:
    """Return the routes."""
    routes = Routes(tag="gmail")

    @routes.add(
        "GET",
        "/api/google/auth",
        summary="Begin to connect Gmail",
        query=AuthQuery,
        replies={200: Data[Url]},
        errors=(409, 422),
    )
    async def auth(call: Call, query: AuthQuery) -> Reply:
        _only_gmail(query)
        return Reply(Data(data=Url(url=await ctx.kernel.connections.begin(Owner.of(call.caller), GMAIL))))

    @routes.add(
        "GET",
        GMAIL_CALLBACK,
        summary="Come back from Google's consent page",
        query=Callback,
        replies={200: Data[Ok], 303: None},
        errors=(400,),
        access=Access.PUBLIC,
    )
    async def oauth(call: Call, query: Callback) -> Reply:
        browser = "text/html" in call.headers.get("accept", "")
        try:
            done = await ctx.kernel.connections.complete(
                query.state, code=query.code, error=query.error, services=(GMAIL,), path=GMAIL_CALLBACK
            )
        except OAuthFailed as failed:
            if not browser:
                raise
            return _redirect(return_url(ctx, failed.return_to, error="google_auth_failed"))
        return _redirect(return_url(ctx, done.return_to)) if browser else Reply(Data(data=Ok()))

    @routes.add(
        "GET",
        "/api/google/authorization",
        summary="Show my connected mailbox",
        query=AuthQuery,
        replies={200: Data[Authorization | None]},
        errors=(422,),
    )
    async def authorization(call: Call, query: AuthQuery) -> Reply:
        _only_gmail(query)
        connection = await _mailbox(ctx, call)
        return Reply(Data(data=None if connection is None else _shown(connection)))

    @routes.add(
        "DELETE",
        "/api/google/authorizations/<authorization_id>",
        summary="Disconnect my mailbox",
        replies={204: None},
        errors=(404,),
    )
    async def disconnect(call: Call, *, authorization_id: str) -> Reply:
        connection = await _mailbox(ctx, call)
        if connection is None or connection.id != authorization_id:
            raise NotFound("There is no such authorization")
        await ctx.kernel.connections.disconnect(Owner.of(call.caller), GMAIL)
        return Reply(status=204)

    @routes.add(
        "POST",
        "/api/gmail/send",
        summary="Send an e-mail from my mailbox",
        body=SendBody,
        replies={200: Sent},
        errors=(403, 422, 503),
        idempotent=True,
        outside=True,
    )
    async def send_mail(call: Call, body: SendBody) -> Reply:
        check(body)
        connection = await _mailbox(ctx, call)
        if connection is None or connection.state != "connected":
            raise Forbidden(_NOT_AUTHORIZED)
        return Reply(Sent(data=await _sent(ctx, connection, body)))

    return routes


async def _sent(ctx: PluginContext, connection: Connection, body: SendBody) -> dict[str, Any]:
    try:
        return await send(connection, body)
    except NeedsReauth as error:
        await ctx.kernel.connections.mark_needs_reauth(connection, str(error))
        raise Forbidden(_NOT_AUTHORIZED) from None
    except RetryLater as error:
        wait = str(max(1, round(error.after or 5)))
        raise Unavailable("Gmail cannot be reached at present", headers={"Retry-After": wait}) from None
    except PermanentFailure as error:
        ctx.log.info("Gmail refuses a message", status=error.status, reason=error.reason_code)
        raise ValidationFailed({"message": ["is refused by Gmail"]}, "Gmail refuses this message") from None


async def _mailbox(ctx: PluginContext, call: Call) -> Connection | None:
    caller = call.caller
    return await ctx.kernel.connections.find(caller.account_id, caller.user_id, caller.mode, GMAIL)


def _only_gmail(query: AuthQuery) -> None:
    if query.client != "gmail":
        raise ValidationFailed({"client": ["must be gmail"]})


def _shown(connection: Connection) -> Authorization:
    return Authorization(
        id=connection.id,
        account_id=connection.account_id,
        user_id=connection.user_id,
        email=connection.email,
        scope=" ".join(connection.scopes),
        state=connection.state,
    )


def _redirect(url: str) -> Reply:
    return Reply(status=303, headers={"Location": url})
