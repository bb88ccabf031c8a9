"""What rooms look like on the wire: request bodies, replies, and the webhook body."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from rallypoint.domains.rooms.api import RoomStatus, RoomType
from rallypoint.web.fields import Body, Moment, Text

Name = Annotated[Text, Field(min_length=1, max_length=200)]
Description = Annotated[Text, Field(max_length=5000)]
Tags = Annotated[list[Annotated[Text, Field(min_length=1, max_length=50)]], Field(max_length=20)]
Capacity = Annotated[int, Field(ge=1, le=10_000)]
ExternalId = Annotated[Text, Field(min_length=1, max_length=200)]
ServiceName = Annotated[Text, Field(min_length=1, max_length=64)]
# The pattern is for the documentation alone; what a target may be, and why not, is said by ``Targets.check_url``.
Url = Annotated[
    Text,
    Field(max_length=2048, json_schema_extra={"format": "iri", "pattern": r"^https?://[a-z0-9.-]+(/\S*)?$"}),
]


class CreateRoom(Body):
    """Body of ``POST /rooms``; only ``name`` is required."""

    name: Name
    description: Description | None = None
    room_type: RoomType = "video"
    is_public: bool = True
    max_participants: Capacity = 10
    tags: Tags = Field(default_factory=list)
    scheduled_start: Moment | None = None
    scheduled_end: Moment | None = None
    webhook_url: Url | None = None
    external_service_id: ExternalId | None = None
    external_service_name: ServiceName | None = None

    @model_validator(mode="after")
    def _ordered(self) -> CreateRoom:
        check_times(self.scheduled_start, self.scheduled_end)
        if (self.external_service_id is None) != (self.external_service_name is None):
            raise ValueError("external_service_id and external_service_name go together")
        return self


class ChangeRoom(Body):
    """Body of ``PATCH /rooms/:id``; what is absent stays."""

    name: Name = ""
    description: Description | None = None
    room_type: RoomType = "video"
    is_public: bool = True
    max_participants: Capacity = 10
    tags: Tags = Field(default_factory=list)
    scheduled_start: Moment | None = None
    scheduled_end: Moment | None = None
    status: RoomStatus = "scheduled"
    webhook_url: Url | None = None

    def given(self) -> dict[str, Any]:
        """Return the fields that the request named."""
        return self.model_dump(include=self.model_fields_set)


class JoinRoom(Body):
    """Body of ``POST /rooms/:id/join``; may be empty."""

    camera_enabled: bool = False
    microphone_enabled: bool = False
    peer_id: Annotated[Text, Field(max_length=200)] | None = None


class ConfigureIntegration(Body):
    """Body of ``POST /rooms/:id/integrations``."""

    service_name: ServiceName
    webhook_url: Url | None = None
    api_key: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    sync_enabled: bool = True


class SyncRoom(Body):
    """Body of ``POST /rooms/:id/sync``."""

    external_room_id: ExternalId
    external_service_name: ServiceName


class RoomFilter(BaseModel):
    """Query of ``GET /rooms``."""

    status: RoomStatus | None = None
    type: RoomType | None = None
    is_public: bool | None = None
    limit: int = Field(100, ge=1, le=100, description="A list without it is complete up to 100 rooms")
    after: str | None = Field(
        None,
        max_length=64,
        description="The `next` of the page before",
        json_schema_extra={"format": "uuid"},
    )


class Room(BaseModel):
    """A room as every reply and event shows it."""

    id: str
    name: str
    description: str
    room_type: RoomType
    created_by: str
    is_public: bool
    max_participants: int
    current_participants: int
    tags: list[str]
    scheduled_start: str | None
    scheduled_end: str | None
    status: RoomStatus
    webrtc_room_id: str
    external_service_id: str | None
    external_service_name: str | None
    created_at: str
    updated_at: str


class CreatedRoom(Room):
    """A room just created; its webhook's secret is shown this once."""

    webhook_secret: str | None = None


class Participant(BaseModel):
    """A stay in a room."""

    id: str
    room_id: str
    user_id: str
    joined_at: str
    left_at: str | None
    is_active: bool
    camera_enabled: bool
    microphone_enabled: bool
    peer_id: str | None
    external_user_id: str | None


class Integration(BaseModel):
    """An external service of a room; the API key is never shown, the secret once."""

    id: str
    room_id: str
    service_name: str
    webhook_url: str | None
    webhook_secret: str | None = None
    sync_enabled: bool
    created_at: str


class SyncOutcome(BaseModel):
    """What a pull did."""

    status: Literal["synced", "unchanged", "inbound_only"]
    changed: list[str]


class SyncReply(BaseModel):
    """Reply of ``POST /rooms/:id/sync``."""

    data: Room
    sync: SyncOutcome


class EventData(BaseModel):
    """The part of a webhook that tells what happened."""

    room: Room
    participant: Participant | None = None


class RoomEvent(BaseModel):
    """Body of a webhook, and payload of the same event on sockets."""

    event: str
    room_id: str
    user_id: str | None
    timestamp: str
    data: EventData


def check_times(start: int | None, end: int | None) -> None:
    """Refuse a room that ends before it starts.

    Raises:
        ValueError: It does.
    """
    if start is not None and end is not None and end <= start:
        raise ValueError("scheduled_end must be after scheduled_start")
