"""Connections on the wire; a credential goes in and never comes out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from rallypoint.connections.services import ConsentService, Service
from rallypoint.connections.timeline import Timeline
from rallypoint.storage import clock
from rallypoint.storage.database import Row
from rallypoint.web.fields import Body, Text

Kind = Literal["api_key", "oauth2"]


class ConnectBody(Body):
    """What connects a service."""

    api_key: str = Field(
        min_length=1,
        max_length=512,
        pattern=r"^[\x21-\x7e]+$",
        description="The user's key; printable ASCII, since it travels in a header",
        examples=["fm_1234567890"],
    )


class AuthorizeBody(Body):
    """What is to be asked of the user."""

    return_to: Text = Field(
        "",
        max_length=2000,
        description="Where the browser goes on afterwards, with `success=true` or `error=oauth_…` added: a path of"
        " this server, or a page that may call this API",
        examples=["/settings/integrations"],
    )
    scopes: list[Text] = Field(
        default_factory=list, max_length=50, description="Wanted beside those that every connection has"
    )


class AuthorizeOut(BaseModel):
    """Where the user consents."""

    url: str


class CallbackQuery(BaseModel):
    """What a provider hands a user back with (RFC 6749 §4.1.2)."""

    state: str = Field("", max_length=512)
    code: str = Field("", max_length=4096)
    error: str = Field("", max_length=200)


class ConnectionOut(BaseModel):
    """A connection as its owner sees it."""

    id: str | None = Field(description="Null for a service that is not connected")
    service: str
    title: str
    kind: Kind = Field(description="`api_key`: PUT a key. `oauth2`: POST to `authorize` and follow its URL")
    state: Literal["connected", "needs_reauth", "not_connected"]
    available: bool = Field(description="False while the plugin of the service is not loaded")
    label: str = Field("", description="The provider's name of the account")
    email: str = Field("", description="Of that account, when the provider says so")
    scopes: list[str] = Field(default_factory=list, description="What the user has granted")
    reason: str = Field("", description="Why the connection needs to be made again")
    connected_at: str | None = None
    updated_at: str | None = None


class MarkOut(BaseModel):
    """When something last happened."""

    kind: str = Field(examples=["refreshed"])
    count: int = Field(description="How often so far")
    last_at: str
    until: str | None = Field(description="When it is to happen again, or ends")
    detail: str


class EntryOut(BaseModel):
    """A change of state, or something that went wrong."""

    at: str
    kind: str
    detail: str


class TimelineOut(BaseModel):
    """A connection's past, the latest first."""

    service: str
    state: str
    marks: list[MarkOut]
    log: list[EntryOut] = Field(description="The latest hundred")


def shown(row: Row, known: Service | None) -> ConnectionOut:
    """Return a stored connection as its owner sees it; ``known`` is None while no plugin declares its service."""
    return ConnectionOut(
        id=row["id"],
        service=row["service"],
        title=row["service"] if known is None else known.declared.title,
        kind=row["kind"],
        state=row["state"],
        available=known is not None,
        label=row["label"],
        email=row["email"],
        scopes=row["scopes"].split(),
        reason=row["reason"],
        connected_at=clock.rfc3339(row["created_at"]),
        updated_at=clock.rfc3339(row["updated_at"]),
    )


def unconnected(known: Service) -> ConnectionOut:
    """Return a service that the caller may connect."""
    declared = known.declared
    kind: Kind = "oauth2" if isinstance(known, ConsentService) else "api_key"
    return ConnectionOut(
        id=None,
        service=declared.service,
        title=declared.title,
        kind=kind,
        state="not_connected",
        available=True,
    )


def told(row: Row, timeline: Timeline) -> TimelineOut:
    """Return a connection's timeline."""
    marks = [
        MarkOut(
            kind=mark.kind,
            count=mark.count,
            last_at=clock.rfc3339(mark.last_at),
            until=clock.rfc3339_or_none(mark.until),
            detail=mark.detail,
        )
        for mark in timeline.marks
    ]
    log = [
        EntryOut(at=clock.rfc3339(entry.at), kind=entry.kind, detail=entry.detail) for entry in timeline.log
    ]
    return TimelineOut(service=row["service"], state=row["state"], marks=marks, log=log)
