"""Tables of the storage layer itself."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Lease(Model):
    """Who may do a piece of work until when; fence grows with every new holder, wanted says that others asked."""

    name = fields.CharField(200, primary_key=True)
    owner = fields.CharField(64)
    fence = fields.BigIntField()
    expires_at = fields.BigIntField()
    wanted = fields.SmallIntField(db_default=0)

    class Meta:
        table = "leases"


class StoredValue(Model):
    """A plugin's small values, for each of its connections (ctx.store)."""

    id = fields.CharField(300, primary_key=True, description="plugin/connection/key")
    plugin = fields.CharField(64, db_index=True)
    connection_id = fields.CharField(36, default="", db_index=True)
    key = fields.CharField(128)
    value = fields.TextField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "stored_values"


class Process(Model):
    """A running server or worker; it is alive while seen_at is fresh."""

    id = fields.CharField(36, primary_key=True)
    kind = fields.CharField(16)
    pid = fields.IntField()
    host = fields.CharField(255)
    started_at = fields.BigIntField()
    seen_at = fields.BigIntField()

    class Meta:
        table = "processes"
