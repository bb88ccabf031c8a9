"""Tables of the mailer."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

SEALED = (("mailer_messages", "envelope"), ("mailer_messages", "content"))
"""Columns that the vault encrypts."""


class MailMessage(Model):
    """A message; times in milliseconds."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36, description="empty for messages of the server itself")
    mode = fields.CharField(8)
    message_key = fields.CharField(200, description="unique in the account")
    lane = fields.CharField(300)
    position = fields.BigIntField(description="in its lane")
    state = fields.CharField(16)
    attempts = fields.IntField(default=0)
    not_before = fields.BigIntField(default=0, description="when it may leave at the earliest")
    next_at = fields.BigIntField(null=True, description="of a lane's head alone")
    started_at = fields.BigIntField(null=True, description="of its first try, after which it stays")
    expires_at = fields.BigIntField(description="when it is given up")
    envelope = fields.TextField(description="encrypted: recipients and subject")
    content = fields.TextField(description="encrypted: texts and calendar; empty once it is sent")
    error = fields.CharField(300, default="")
    created_at = fields.BigIntField()
    finished_at = fields.BigIntField(null=True)

    class Meta:
        table = "mailer_messages"
        unique_together = (("account_id", "mode", "message_key"), ("lane", "position"))
        indexes = (
            Index(fields=("next_at",)),
            Index(fields=("account_id", "mode", "id")),
            Index(fields=("lane", "state", "position")),
            Index(fields=("state", "created_at")),
        )


class MailAttempt(Model):
    """One try to hand a message over."""

    id = fields.BigIntField(primary_key=True)
    message_id = fields.CharField(36, db_index=True)
    account_id = fields.CharField(36)
    at = fields.BigIntField()
    duration_ms = fields.IntField()
    outcome = fields.CharField(16)
    transport = fields.CharField(64)
    detail = fields.CharField(300)

    class Meta:
        table = "mailer_attempts"
