"""What the mail routes take and answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from rallypoint.domains.mailer.api import MailState

MAX_PAGE = 100


class MailFilter(BaseModel):
    """``limit`` and ``after``, the id of the last item of the page before; ``state`` chooses."""

    limit: int = Field(MAX_PAGE, ge=1, le=MAX_PAGE)
    after: str = Field("", max_length=36)
    state: MailState | None = None


class Message(BaseModel):
    """A message, without its text."""

    id: str
    key: str = Field(description="What it is about, such as appointment/7/…; unique in the account")
    state: str = Field(description="queued, sent, failed, withdrawn (unsent), or recorded (in the sandbox)")
    to: list[str]
    cc: list[str]
    subject: str
    attempts: int
    error: str | None = Field(description="Why it waits or has failed")
    next_attempt_at: str | None = Field(
        description="Null when it is over, and while an earlier message of its lane waits"
    )
    created_at: str
    finished_at: str | None


class Step(BaseModel):
    """Something that happened to a message."""

    at: str
    what: Literal["queued", "sent", "later", "away", "failed", "withdrawn", "recorded"] = Field(
        description="away: the transport took nothing at all; later: not this message"
    )
    transport: str | None
    duration_ms: int | None
    detail: str | None = Field(description="What the transport said, without addresses")


class Content(BaseModel):
    """What a message says."""

    text: str
    html: str
    calendar: str


class MessageDetails(Message):
    """A message with what happened to it."""

    timeline: list[Step]
    content: Content | None = Field(description="Of messages of the sandbox alone")
