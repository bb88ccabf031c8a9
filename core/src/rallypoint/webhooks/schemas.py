"""What the webhook routes take and answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rallypoint.web.fields import Body, Moment

MAX_PAGE = 100


class PageQuery(BaseModel):
    """``limit`` and ``after``, the id of the last item of the page before."""

    limit: int = Field(MAX_PAGE, ge=1, le=MAX_PAGE)
    after: str = Field("", max_length=36)


class Webhook(BaseModel):
    """A target, without its secret."""

    id: str
    kind: str
    subject: str = Field(description="What it is about, such as room:<id>")
    url: str
    events: list[str] | None = Field(description="Null for every event of its subject")
    state: str = Field(description="active or disabled")
    reason: str | None = Field(description="Why it is disabled: gone (410) or failing")
    failing_since: str | None
    created_at: str
    updated_at: str


class RotatedSecret(BaseModel):
    """A new secret, shown this once."""

    id: str
    webhook_secret: str
    previous_valid_until: str = Field(description="Until then deliveries carry both signatures")


class Attempt(BaseModel):
    """One try."""

    at: str
    duration_ms: int
    status: int | None = Field(description="Null when no reply came")
    error: str | None = Field(description="timeout, dns, tls, private_address, connection or protocol")
    reply: str = Field(description="The reply's first bytes")


class Delivery(BaseModel):
    """An event on its way to a target, or arrived there."""

    id: str
    event_id: str = Field(description="Sent as webhook-id, the same over retries and replays")
    event: str
    state: str = Field(description="pending, delivered, failed or canceled")
    attempts: list[Attempt]
    replay_of: str | None
    created_at: str
    finished_at: str | None


class ReplayRange(Body):
    """A stretch of time, ``until`` excluded."""

    since: Moment
    until: Moment

    @model_validator(mode="after")
    def _in_order(self) -> ReplayRange:
        if self.until <= self.since:
            raise ValueError("until must be after since")
        return self


class Replayed(BaseModel):
    """How many deliveries are sent again."""

    replayed: int


class TestDelivery(Body):
    """A delivery made by hand, of the documented form."""

    __test__ = False  # pytest takes the name for a test's
    model_config = ConfigDict(extra="allow")

    event: str = Field(max_length=100)
    room_id: str | None = Field(None, max_length=200)
    user_id: str | None = Field(None, max_length=200)
    timestamp: str | None = Field(None, max_length=64)
    data: dict[str, Any] = Field(default_factory=dict)


class TestVerdict(BaseModel):
    """The signature of a test delivery holds."""

    __test__ = False

    valid: bool
    event: str
    room_id: str | None
