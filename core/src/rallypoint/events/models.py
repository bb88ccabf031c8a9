"""Tables of the outbox: events, and the reactions that plugins still owe them."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from rallypoint.storage.indexes import WaitingIndex


class StoredEvent(Model):
    """A durable event; push_at and fan_at are set while that step is still to be done."""

    id = fields.CharField(36, primary_key=True)
    type = fields.CharField(100)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    subject = fields.CharField(200)
    seq = fields.BigIntField()
    topics = fields.TextField()
    body = fields.BinaryField()
    actor_id = fields.CharField(36, null=True)
    changes = fields.TextField()
    at = fields.BigIntField()
    push_at = fields.BigIntField(null=True)
    fan_at = fields.BigIntField(null=True)

    class Meta:
        table = "events"
        unique_together = (("subject", "seq"),)
        indexes = (
            ("push_at",),
            ("fan_at", "id"),
            WaitingIndex(fields=("subject", "seq"), column="fan_at"),
        )


class Reaction(Model):
    """An event that a plugin has yet to hear; gone once it has, kept when the plugin gave it up."""

    id = fields.BigIntField(primary_key=True)
    plugin = fields.CharField(64)
    event_id = fields.CharField(36, db_index=True)
    attempts = fields.IntField(default=0)
    next_at = fields.BigIntField(null=True)
    error = fields.CharField(500, default="")
    created_at = fields.BigIntField()

    class Meta:
        table = "event_reactions"
        unique_together = (("plugin", "event_id"),)
        indexes = (("plugin", "next_at", "id"), ("created_at",))
