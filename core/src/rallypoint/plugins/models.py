"""Tables of the plugin kernel: what is known of plugins beyond the life of a process."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class PluginRecord(Model):
    """A plugin that has run here: enough to show and to purge it once its code is gone."""

    plugin = fields.CharField(64, primary_key=True)
    distribution = fields.CharField(200)
    version = fields.CharField(100)
    table_prefix = fields.CharField(64, default="", description="Empty for a plugin without tables")
    tables = fields.TextField(db_default="[]", description="Names of its tables beside the prefix, JSON")
    sealed = fields.TextField(
        db_default="[]", description="Pairs of table and column that are encrypted, JSON"
    )
    services = fields.TextField(default="[]", description="Names of its connections' services, JSON")
    providers = fields.TextField(default="[]", description="Names of its webhook providers, JSON")
    listens = fields.TextField(default="[]", description="Which events it reacts to: patterns, JSON")
    seen_at = fields.BigIntField(description="When a process that loaded it last said so")

    class Meta:
        table = "plugin_records"


class PluginState(Model):
    """A plugin's status in one process."""

    id = fields.CharField(110, primary_key=True, description="process/plugin")
    process_id = fields.CharField(36, db_index=True)
    plugin = fields.CharField(110)
    position = fields.IntField(description="In the order of loading")
    state = fields.TextField(description="PluginStatus, JSON")

    class Meta:
        table = "plugin_states"


class PluginResume(Model):
    """How often a plugin was resumed: every process compares it with what it has seen."""

    plugin = fields.CharField(110, primary_key=True)
    count = fields.BigIntField()

    class Meta:
        table = "plugin_resumes"
