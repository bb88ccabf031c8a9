"""Gmail on the wire: what inbox.md's routes take and answer, and what ``email.received`` tells."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Address(BaseModel):
    """A person in a message."""

    email: str
    name: str = ""


class Attachment(BaseModel):
    """A file that came with a message; its bytes are still at Google."""

    id: str
    filename: str
    mimeType: str  # noqa: N815
    size: int


class EmailData(BaseModel):
    """A message that arrived."""

    model_config = ConfigDict(populate_by_name=True)

    id: str = Field(description="Gmail's")
    threadId: str = Field(description="Gmail's id of the conversation; `thread_id` when answering")  # noqa: N815
    mailbox: str = Field(description="Whose mailbox it arrived in")
    messageId: str = Field("", description="The Message-ID of the mail itself")  # noqa: N815
    inReplyTo: str = ""  # noqa: N815
    references: list[str] = []
    sender: Address = Field(alias="from")
    to: list[Address] = []
    cc: list[Address] = []
    subject: str = ""
    text: str = ""
    html: str = Field("", description="As sent: not safe to show as it is")
    truncated: bool = Field(False, description="Whether the text was cut")
    receivedAt: str  # noqa: N815
    labels: list[str] = []
    attachments: list[Attachment] = []


class EmailReceived(BaseModel):
    """An event: a message arrived in a connected mailbox."""

    event: Literal["email.received"] = "email.received"
    timestamp: str
    data: EmailData


class AuthQuery(BaseModel):
    """Which of Google's services."""

    client: str = Field("gmail", max_length=40, description="`gmail`")


class Url(BaseModel):
    """Where the user consents."""

    url: str


class Ok(BaseModel):
    """Whether it went well."""

    ok: bool = True


class Authorization(BaseModel):
    """A connected mailbox."""

    id: str
    object: Literal["google_authorization"] = "google_authorization"
    client: Literal["gmail"] = "gmail"
    account_id: str
    user_id: str
    email: str
    scope: str
    state: str


class SendBody(BaseModel):
    """A message to send; both of the spellings in use are taken."""

    to: str | list[str] | None = Field(None, description="One address or several")
    recipient: str | None = Field(None, max_length=1000, description="Same as `to`")
    cc: list[str] = Field([], max_length=100)
    bcc: list[str] = Field([], max_length=100)
    subject: str | None = Field(None, max_length=1000)
    text: str | None = Field(None, max_length=500_000)
    message: str | None = Field(None, max_length=500_000, description="Same as `text`")
    html: str = Field("", max_length=500_000)
    thread_id: str = Field(
        "", max_length=64, pattern=r"^[0-9A-Za-z_-]*$", description="To answer in a conversation"
    )
    in_reply_to: str = Field("", max_length=1000, description="The Message-ID that is answered")
    references: list[str] = Field([], max_length=100)


class Sent(BaseModel):
    """A message that was handed to Gmail."""

    ok: Literal[True] = True
    data: dict[str, Any]
