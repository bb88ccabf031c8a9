"""Tables of connections."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class ConnectionRow(Model):
    """A user's connection to a service; one for each user and service in an account."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    user_id = fields.CharField(36)
    mode = fields.CharField(16)
    service = fields.CharField(64)
    state = fields.CharField(16)
    label = fields.CharField(200, default="")
    reason = fields.CharField(300, default="")
    credential = fields.TextField(description="Encrypted; empty in the sandbox")
    version = fields.IntField(default=1)
    seq = fields.BigIntField(default=0)
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "connections"
        unique_together = (("account_id", "user_id", "service"),)
        indexes = (("service", "id"),)
