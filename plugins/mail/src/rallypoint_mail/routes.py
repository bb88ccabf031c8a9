"""``POST /api/create-calendar-event``: booking.md, path for path."""

from __future__ import annotations

from rallypoint.domains.mailer.api import Email, Mailer
from rallypoint.sdk import Call, PluginContext, Reply, Routes, ValidationFailed
from rallypoint_mail.invitations import Invitations
from rallypoint_mail.records import Words
from rallypoint_mail.schemas import CalendarEventCreated, CreateCalendarEvent

_FIELDS = {"to": "userEmail", "cc": "practitionerEmail"}


def mail_routes(ctx: PluginContext, invitations: Invitations) -> Routes:
    """Return the route of the mail plugin."""
    routes = Routes("/api", tag="booking", limit="mail")

    @routes.add(
        "POST",
        "/create-calendar-event",
        summary="Send a calendar invitation by e-mail",
        body=CreateCalendarEvent,
        replies={200: CalendarEventCreated},
        errors=[404, 409],
        idempotent=True,
    )
    async def create_calendar_event(call: Call, body: CreateCalendarEvent) -> Reply:
        body.require_all()
        words = _words(body)
        _check(ctx.service(Mailer), words)
        number = await invitations.request(call.caller, body, words)
        return Reply(CalendarEventCreated(eventId=f"cal-{number}"))

    return routes


def _words(body: CreateCalendarEvent) -> Words:
    return Words(
        to=(body.userEmail or "").strip(),
        cc=(body.practitionerEmail or "").strip(),
        title=(body.title or "").strip(),
        description=(body.description or "").strip(),
    )


def _check(mailer: Mailer, words: Words) -> None:
    """Refuse addresses that cannot be written to, under the names that the caller used."""
    try:
        mailer.check(Email((words.to,), "Check", "", cc=(words.cc,) if words.cc else ()))
    except ValidationFailed as error:
        fields = {_FIELDS.get(name, name): problems for name, problems in error.fields.items()}
        raise ValidationFailed(fields) from error
