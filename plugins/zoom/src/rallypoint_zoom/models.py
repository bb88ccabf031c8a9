"""Tables of Zoom: the meetings that were asked for, and the events that were heard."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Asked(Model):
    """A meeting that Zoom was asked for; without meeting_id its answer is not known."""

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    user_id = fields.CharField(36)
    request_id = fields.CharField(64, unique=True)
    meeting_id = fields.CharField(20, null=True, db_index=True)
    asked_at = fields.BigIntField()
    ends_at = fields.BigIntField()
    event_seq = fields.BigIntField(default=0, description="of its latest event")

    class Meta:
        table = "zoom_meetings"
        indexes = (Index(fields=("account_id",)), Index(fields=("ends_at",)))


class Heard(Model):
    """An event of Zoom's that was taken, so that it is told once."""

    id = fields.CharField(64, primary_key=True, description="SHA-256 of its body")
    at = fields.BigIntField(db_index=True)

    class Meta:
        table = "zoom_heard"
