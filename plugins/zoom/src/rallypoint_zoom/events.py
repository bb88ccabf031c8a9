"""What happens in a meeting, as durable events of the account that had it made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rallypoint.domains.booking.api import AppointmentView, Meetings
from rallypoint.sdk import Draft, EventType, PluginContext, Row, Transaction
from rallypoint_zoom.schemas import MeetingData, MeetingEvent, Participant
from rallypoint_zoom.times import moment, now

EVENTS = {
    "meeting.started": EventType("zoom.meeting.started", "A Zoom meeting began", MeetingEvent),
    "meeting.ended": EventType("zoom.meeting.ended", "A Zoom meeting is over", MeetingEvent),
    "meeting.participant_joined": EventType(
        "zoom.participant.joined", "Somebody came into a Zoom meeting", MeetingEvent
    ),
    "meeting.participant_left": EventType(
        "zoom.participant.left", "Somebody left a Zoom meeting", MeetingEvent
    ),
}
"""Ours by Zoom's names."""
_MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of Zoom's.

    Args:
        id: The same each time Zoom sends it.
        name: Zoom's.
        at: When it happened, in milliseconds.
        meeting_id: Zoom's number of the meeting.
        topic: Of the meeting.
        participant: Who it is about, as Zoom describes them.
    """

    id: str
    name: str
    at: int
    meeting_id: str
    topic: str
    participant: Mapping[str, Any] | None


async def tell(ctx: PluginContext, happening: Happening) -> None:
    """Tell the account whose meeting it is, once; meetings that we did not make concern nobody here."""
    async with ctx.kernel.database.transaction() as tx:
        row = await tx.fetch_one(_NEXT, happening.meeting_id)
        if row is None:
            return
        heard = await tx.execute(
            "INSERT INTO zoom_heard (id, at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", happening.id, now()
        )
        if heard:
            appointment = await _appointment(ctx, row)
            await _write(ctx, tx, row, happening, appointment)


async def _appointment(ctx: PluginContext, row: Row) -> AppointmentView | None:
    return await ctx.service(Meetings).appointment_of(
        account_id=row["account_id"], mode=row["mode"], request_id=row["request_id"]
    )


async def _write(
    ctx: PluginContext, tx: Transaction, row: Row, happening: Happening, appointment: AppointmentView | None
) -> None:
    people = dict.fromkeys([row["user_id"]] if appointment is None else [appointment.host_user_id])
    topics = [f"user:{user_id}" for user_id in people]
    if appointment is not None:
        topics.append(f"appointment:{appointment.id}")
    await ctx.kernel.outbox.add(
        tx,
        Draft(
            type=EVENTS[happening.name].name,
            account_id=row["account_id"],
            mode=row["mode"],
            subject=f"zoom_meeting:{row['id']}",
            seq=row["event_seq"],
            topics=topics,
            payload=_body(happening, appointment).model_dump(),
        ),
    )


def _body(happening: Happening, appointment: AppointmentView | None) -> MeetingEvent:
    data = MeetingData(
        appointmentId=None if appointment is None else f"appt_{appointment.id}",
        meetingId=happening.meeting_id,
        topic=happening.topic[:_MAX_TEXT],
        at=moment(happening.at),
        participant=None if happening.participant is None else _participant(happening.participant),
    )
    return MeetingEvent(event=EVENTS[happening.name].name, timestamp=moment(happening.at), data=data)


def _participant(said: Mapping[str, Any]) -> Participant:
    def text(name: str) -> str:
        value = said.get(name)
        return value[:_MAX_TEXT] if isinstance(value, str) else ""

    return Participant(id=text("id") or None, name=text("user_name"), email=text("email") or None)


_NEXT = (
    "UPDATE zoom_meetings SET event_seq = event_seq + 1 WHERE id ="
    " (SELECT id FROM zoom_meetings WHERE meeting_id = ? ORDER BY id DESC LIMIT 1) RETURNING *"
)
