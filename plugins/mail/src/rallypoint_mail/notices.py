"""Tells the owner of a connection that it needs them, and that it works again: one message each."""

from __future__ import annotations

import json
from typing import Any

from rallypoint.domains.integrations.api import PAGE
from rallypoint.domains.mailer.api import Email, Mailer
from rallypoint.sdk import Event, People, PluginContext, ValidationFailed
from rallypoint_mail.letters import Kind, Notice, notice_letter
from rallypoint_mail.wording import one_line

KINDS: dict[str, Kind] = {"connection.needs_reauth": "needs_reauth", "connection.recovered": "recovered"}
_TOPIC = "user:"


async def notify(ctx: PluginContext, event: Event) -> None:
    """Write to the owner of the connection that an event is about; nobody when they have left."""
    owner = next((topic.removeprefix(_TOPIC) for topic in event.topics if topic.startswith(_TOPIC)), "")
    person = await ctx.service(People).find(event.account_id, owner)
    if person is None:
        return
    payload: dict[str, Any] = json.loads(event.body)
    notice = Notice(
        service=_title(ctx, str(payload.get("service", ""))),
        account=one_line(str(payload.get("label") or "")),
        reader=one_line(person.name),
        url=ctx.kernel.settings.integrations_url or f"{ctx.public_url}{PAGE}",
    )
    letter = notice_letter(KINDS[event.type], notice)
    email = Email((person.email,), letter.subject, letter.text, letter.html)
    try:
        await ctx.service(Mailer).send(
            account_id=event.account_id,
            mode=event.mode,
            key=f"notice/{event.id}",
            email=email,
            lane=event.subject,
        )
    except ValidationFailed:
        ctx.log.warning("a connection's owner has no address that can be written to", subject=event.subject)


def _title(ctx: PluginContext, service: str) -> str:
    """Return a service's name for people; its own when its plugin is not there."""
    known = ctx.kernel.connections.services.get(service)
    return service.replace("_", " ").title() if known is None else known.declared.title
