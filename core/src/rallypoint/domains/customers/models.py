"""Tables of customers."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Customer(Model):
    """Somebody whom an account's users meet; the keys are what addresses and numbers are compared by."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    name = fields.CharField(200, default="")
    email = fields.CharField(254, default="")
    email_key = fields.CharField(254, null=True)
    phone = fields.CharField(40, default="")
    phone_key = fields.CharField(40, null=True)
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "customers"
        indexes = (
            Index(fields=("account_id", "mode", "email_key")),
            Index(fields=("account_id", "mode", "phone_key")),
        )
