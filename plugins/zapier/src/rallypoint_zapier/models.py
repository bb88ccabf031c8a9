"""Tables of Zapier: a user's key, and what was subscribed with it."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

SEALED = (("zapier_keys", "sealed"),)


class Key(Model):
    """A user's key; the row outlives it, without hash and sealed copy, so that making keys can be limited."""

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    user_id = fields.CharField(36)
    mode = fields.CharField(8)
    user_number = fields.BigIntField()
    key_hash = fields.CharField(64, null=True, unique=True, description="SHA-256 in hex")
    sealed = fields.TextField(null=True, description="encrypted, to be shown again")
    created_at = fields.BigIntField(null=True)
    made = fields.IntField(default=0, description="keys made since made_since")
    made_since = fields.BigIntField(default=0)

    class Meta:
        table = "zapier_keys"
        unique_together = (("account_id", "user_id"),)


class Subscription(Model):
    """A hook of Zapier's; its id is that of the webhook target it is sent through."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    user_id = fields.CharField(36)
    event = fields.CharField(100)
    url_hash = fields.CharField(64, description="SHA-256 in hex; the target has the URL")
    created_at = fields.BigIntField()

    class Meta:
        table = "zapier_subscriptions"
        unique_together = (("account_id", "user_id", "event", "url_hash"),)
