"""What the route takes and answers, what Zoom answers and posts, and what events tell."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rallypoint.sdk import Body, Integer, Moment, Text


class ZoomBody(Body):
    """A meeting that is wanted."""

    hostEmail: Text | None = Field(None, max_length=254, description="Of a user of the Zoom account")  # noqa: N815
    guestEmail: Text = Field("", max_length=254)  # noqa: N815
    topic: Text | None = Field(None, max_length=200)
    agenda: Text = Field("", max_length=2000)
    startTime: Moment | None = None  # noqa: N815
    durationMinutes: Integer | None = Field(None, ge=1, le=1440)  # noqa: N815
    appointmentId: Integer | None = Field(  # noqa: N815
        None, ge=1, le=2**63 - 1, description="The meeting is kept with this appointment, and moves with it"
    )


class ZoomOut(BaseModel):
    """A meeting that was made."""

    id: int
    join_url: str
    start_url: str = Field(description="Lets its holder begin the meeting as the host")
    password: str


class ZoomMeeting(BaseModel):
    """A meeting as Zoom shows it."""

    model_config = ConfigDict(extra="ignore")

    id: int
    uuid: str = ""
    join_url: str = Field(min_length=1)
    start_url: str = ""
    password: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)


class ListedMeeting(BaseModel):
    """A meeting in a list, which shows less of it."""

    model_config = ConfigDict(extra="ignore")

    id: int
    topic: str = ""
    agenda: str = ""
    start_time: str = ""
    duration: int = 0
    created_at: str = ""


class Participant(BaseModel):
    """Who came or left."""

    id: str | None = Field(description="Zoom's id of the user; null for a guest")
    name: str
    email: str | None


class MeetingData(BaseModel):
    """What happened in which meeting."""

    appointmentId: str | None = Field(description="appt_7; null for a meeting without an appointment")  # noqa: N815
    meetingId: str  # noqa: N815
    platform: Literal["zoom"] = "zoom"
    topic: str
    at: str = Field(description="When it happened")
    participant: Participant | None = Field(None, description="In the events of participants")


class MeetingEvent(BaseModel):
    """Body of a webhook, and payload of the same event on sockets."""

    event: str
    timestamp: str
    data: MeetingData
