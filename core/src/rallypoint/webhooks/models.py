"""Tables of outgoing webhooks (targets, lanes, deliveries, attempts) and of inbound receipts."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

SEALED = (("webhook_targets", "secret"), ("webhook_targets", "previous_secret"))
"""Columns that the vault encrypts, by table."""


class Target(Model):
    """Where events of a subject go; failing_since is set from the first failure to the next success."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    owner_id = fields.CharField(36)
    kind = fields.CharField(32)
    subject = fields.CharField(200)
    url = fields.TextField()
    events = fields.TextField(null=True)
    secret = fields.TextField()
    previous_secret = fields.TextField(null=True)
    previous_until = fields.BigIntField(null=True)
    state = fields.CharField(10, default="active")
    reason = fields.CharField(32, default="")
    failing_since = fields.BigIntField(null=True)
    event_seq = fields.BigIntField(default=0)
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "webhook_targets"
        indexes = (("subject", "mode"), ("account_id", "mode", "id"))


class Lane(Model):
    """Unfinished deliveries of one subject to one target: those with done_seq < seq; gone when there are none."""

    id = fields.CharField(300, primary_key=True)
    target_id = fields.CharField(36, db_index=True)
    shard = fields.IntField()
    done_seq = fields.BigIntField()
    last_seq = fields.BigIntField()
    attempts = fields.IntField(default=0)
    next_at = fields.BigIntField()

    class Meta:
        table = "webhook_lanes"
        indexes = (("shard", "next_at", "id"),)


class Delivery(Model):
    """An event on its way to a target, or arrived there."""

    id = fields.CharField(36, primary_key=True)
    target_id = fields.CharField(36)
    lane_id = fields.CharField(300)
    seq = fields.BigIntField()
    event_id = fields.CharField(36)
    event_type = fields.CharField(100)
    state = fields.CharField(10, default="pending")
    attempts = fields.IntField(default=0)
    replay_of = fields.CharField(36, null=True)
    created_at = fields.BigIntField()
    finished_at = fields.BigIntField(null=True)

    class Meta:
        table = "webhook_deliveries"
        unique_together = (("lane_id", "seq"),)
        indexes = (("target_id", "id"),)


class Attempt(Model):
    """One try; status is null when no reply came, error then says why."""

    id = fields.BigIntField(primary_key=True)
    delivery_id = fields.CharField(36, db_index=True)
    at = fields.BigIntField()
    duration_ms = fields.IntField()
    status = fields.IntField(null=True)
    error = fields.CharField(32, default="")
    reply = fields.BinaryField()

    class Meta:
        table = "webhook_attempts"


class Receipt(Model):
    """A provider's webhook as received; next_at is set until it is handled or given up."""

    id = fields.CharField(36, primary_key=True)
    provider = fields.CharField(64)
    delivery_id = fields.CharField(200)
    body = fields.BinaryField()
    headers = fields.TextField()
    query = fields.TextField()
    url = fields.TextField()
    state = fields.CharField(10, default="pending")
    attempts = fields.IntField(default=0)
    next_at = fields.BigIntField(null=True)
    error = fields.CharField(500, default="")
    received_at = fields.BigIntField()
    handled_at = fields.BigIntField(null=True)

    class Meta:
        table = "webhook_receipts"
        unique_together = (("provider", "delivery_id"),)
        indexes = (("provider", "next_at", "id"),)
