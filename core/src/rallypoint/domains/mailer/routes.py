"""``/api/v1/mail``: what became of an account's messages."""

from __future__ import annotations

from rallypoint.domains.mailer import schemas
from rallypoint.domains.mailer.history import History
from rallypoint.errors import Forbidden
from rallypoint.web.routing import Call, Data, Page, Reply, Routes


def mail_routes(history: History) -> Routes:
    """Return the routes of the mailer."""
    routes = Routes("/api/v1/mail", tag="mail", limit="api")

    @routes.add(
        "GET",
        "",
        summary="List the account's messages, newest first",
        query=schemas.MailFilter,
        replies={200: Page[schemas.Message]},
    )
    async def list_mail(call: Call, query: schemas.MailFilter) -> Reply:
        caller = call.caller
        found = await history.page(
            caller.account_id, caller.mode, before=query.after, limit=query.limit + 1, state=query.state
        )
        shown = found[: query.limit]
        return Reply({"data": shown, "next": shown[-1]["id"] if len(found) > query.limit else None})

    @routes.add(
        "GET",
        "/<message_id>",
        summary="Show a message and what happened to it",
        replies={200: Data[schemas.MessageDetails]},
        errors=[404],
    )
    async def show_mail(call: Call, message_id: str) -> Reply:
        return Reply({"data": await history.get(call.caller.account_id, call.caller.mode, message_id)})

    @routes.add(
        "POST",
        "/<message_id>/retry",
        summary="Send a message that failed again",
        replies={202: Data[schemas.MessageDetails]},
        errors=[403, 404, 409],
    )
    async def retry_mail(call: Call, message_id: str) -> Reply:
        caller = call.caller
        if caller.role != "admin":
            raise Forbidden("Only an admin of the account may do this")
        return Reply({"data": await history.retry(caller.account_id, caller.mode, message_id)}, 202)

    return routes
