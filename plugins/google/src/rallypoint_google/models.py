"""Tables of the plugin: how far each mailbox has been read, and what of it has been told."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class GoogleMailbox(Model):
    """A connected mailbox."""

    connection_id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    user_id = fields.CharField(36)
    external_id = fields.CharField(320, description="whose mailbox; another one is read from its present on")
    history_id = fields.CharField(32, description="where the next look begins")
    looked_at = fields.BigIntField(description="of the last finished look, in milliseconds")
    seq = fields.BigIntField(default=0, description="of its latest event")

    class Meta:
        table = "google_mailboxes"
        indexes = (Index(fields=("account_id",)),)


class GoogleMail(Model):
    """A message that has been told of, so that a repeated look does not tell of it again."""

    id = fields.CharField(120, primary_key=True, description="connection/message")
    connection_id = fields.CharField(36)
    account_id = fields.CharField(36)
    told_at = fields.BigIntField()

    class Meta:
        table = "google_mails"
        indexes = (Index(fields=("connection_id", "told_at")),)
