"""Connections on the wire; a credential goes in and never comes out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from rallypoint.storage import clock
from rallypoint.storage.database import Row
from rallypoint.web.fields import Body


class ConnectBody(Body):
    """What connects a service."""

    api_key: str = Field(
        min_length=1,
        max_length=512,
        pattern=r"^[\x21-\x7e]+$",
        description="The user's key; printable ASCII, since it travels in a header",
        examples=["fm_1234567890"],
    )


class ConnectionOut(BaseModel):
    """A connection as its owner sees it."""

    id: str | None = Field(description="Null for a service that is not connected")
    service: str
    title: str
    state: Literal["connected", "needs_reauth", "not_connected"]
    available: bool = Field(description="False while the plugin of the service is not loaded")
    label: str = Field("", description="The provider's name of the account")
    reason: str = Field("", description="Why the connection needs to be made again")
    connected_at: str | None = None
    updated_at: str | None = None


def shown(row: Row, title: str | None) -> ConnectionOut:
    """Return a stored connection as its owner sees it; ``title`` is None while no plugin declares it."""
    return ConnectionOut(
        id=row["id"],
        service=row["service"],
        title=title or row["service"],
        state=row["state"],
        available=title is not None,
        label=row["label"],
        reason=row["reason"],
        connected_at=clock.rfc3339(row["created_at"]),
        updated_at=clock.rfc3339(row["updated_at"]),
    )
