"""Tables of the web layer."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

SEALED = (("idempotent_replies", "reply"),)
"""Columns that the vault encrypts, by table."""


class IdempotentReply(Model):
    """The first reply to a request with an Idempotency-Key, or its reservation while the request runs."""

    id = fields.CharField(64, primary_key=True, description="SHA-256 of principal, method, path and key")
    fingerprint = fields.CharField(64, description="SHA-256 of the body")
    owner = fields.CharField(36, description="The run that holds the reservation")
    reply = fields.TextField(null=True, description="Encrypted; null while the request runs")
    expires_at = fields.BigIntField(db_index=True)

    class Meta:
        table = "idempotent_replies"
