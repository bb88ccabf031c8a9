"""Tables of rooms."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

SEALED = (("room_integrations", "api_key"),)
"""Columns that the vault encrypts, by table."""


class Room(Model):
    """A room; times in milliseconds."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    audience = fields.CharField(36, description="the mode for public rooms, the account for private ones")
    created_by = fields.CharField(36)
    name = fields.CharField(200)
    description = fields.TextField(default="")
    room_type = fields.CharField(16)
    is_public = fields.BooleanField()
    max_participants = fields.IntField()
    current_participants = fields.IntField(default=0)
    tags = fields.TextField(default="[]", description="JSON")
    scheduled_start = fields.BigIntField(null=True)
    scheduled_end = fields.BigIntField(null=True)
    status = fields.CharField(16)
    is_live = fields.BooleanField(description="not ended")
    webrtc_room_id = fields.CharField(64)
    external_service_id = fields.CharField(200, null=True)
    external_service_name = fields.CharField(64, null=True)
    target_id = fields.CharField(36, null=True, description="of its own webhook_url")
    seq = fields.BigIntField(default=0, description="of its latest event")
    next_at = fields.BigIntField(null=True, description="when it starts or ends by itself")
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "rooms"
        unique_together = (("account_id", "external_service_name", "external_service_id"),)
        indexes = (
            Index(fields=("audience", "is_live", "id")),
            Index(fields=("audience", "status", "id")),
            Index(fields=("audience", "room_type", "is_live", "id")),
            Index(fields=("next_at",)),
        )


class Participant(Model):
    """Somebody's stay in a room; rejoining makes a new one."""

    id = fields.CharField(36, primary_key=True)
    room_id = fields.CharField(36)
    user_id = fields.CharField(36)
    external_user_id = fields.CharField(200, null=True)
    joined_at = fields.BigIntField()
    left_at = fields.BigIntField(null=True)
    is_active = fields.BooleanField()
    camera_enabled = fields.BooleanField(default=False)
    microphone_enabled = fields.BooleanField(default=False)
    peer_id = fields.CharField(200, null=True)

    class Meta:
        table = "room_participants"
        indexes = (Index(fields=("room_id", "is_active", "user_id")),)


class Integration(Model):
    """An external service configured for a room."""

    id = fields.CharField(36, primary_key=True)
    room_id = fields.CharField(36)
    service_name = fields.CharField(64)
    target_id = fields.CharField(36, null=True)
    api_key = fields.TextField(null=True, description="encrypted")
    sync_enabled = fields.BooleanField()
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "room_integrations"
        unique_together = (("room_id", "service_name"),)
