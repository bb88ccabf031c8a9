"""Partners on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class PartnerOut(BaseModel):
    """A partner and what works with it on this server."""

    name: str = Field(description="The external_service_name of its rooms")
    title: str
    direction: Literal["two-way", "inbound only", "outbound only", "not configured"]
    capabilities: list[str]
    webhook_path: str | None = Field(description="Where the partner posts its webhooks")
