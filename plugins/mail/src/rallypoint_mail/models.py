"""Tables of the mail plugin."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

SEALED = (("mail_invitations", "sealed"),)
"""Columns that the vault encrypts."""


class MailInvitation(Model):
    """What the world was told of an appointment last; times in milliseconds."""

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    appointment_id = fields.BigIntField()
    uid = fields.CharField(200, description="of its iCalendar objects")
    sealed = fields.TextField(description="encrypted: what was said, to whom, in whose words")
    ends_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "mail_invitations"
        unique_together = (("account_id", "mode", "appointment_id"),)
        indexes = (Index(fields=("ends_at",)),)
