"""Tables of the task engine."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class ScheduledRun(Model):
    """A plugin's task for one connection, or its global task: when it runs next and how it went."""

    id = fields.CharField(200, primary_key=True, description="plugin/task/connection")
    plugin = fields.CharField(64)
    task = fields.CharField(64)
    connection_id = fields.CharField(36, default="")
    next_at = fields.BigIntField(null=True, description="Null while parked")
    claimed_until = fields.BigIntField(default=0)
    fence = fields.BigIntField(default=0)
    failures = fields.IntField(default=0)
    last_error = fields.CharField(300, default="")
    last_started_at = fields.BigIntField(null=True)
    last_finished_at = fields.BigIntField(null=True)
    last_success_at = fields.BigIntField(null=True)

    class Meta:
        table = "scheduled_runs"
        indexes = (("plugin", "task", "next_at"), ("connection_id",))
