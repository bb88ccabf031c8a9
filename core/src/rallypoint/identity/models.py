"""Tables of identity: accounts, users, and everything by which a user is recognised."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Account(Model):
    """What everything is scoped to; a sandbox twin names the live account it belongs to."""

    id = fields.CharField(36, primary_key=True)
    name = fields.CharField(200)
    mode = fields.CharField(8)
    twin_of = fields.CharField(36, null=True, unique=True)
    created_at = fields.BigIntField()

    class Meta:
        table = "accounts"


class User(Model):
    """A person in an account; email_key is the address as compared, null for twins, who never sign in."""

    number = fields.BigIntField(primary_key=True)
    id = fields.CharField(36, unique=True)
    account_id = fields.CharField(36, db_index=True)
    email = fields.CharField(254)
    email_key = fields.CharField(254, null=True, unique=True)
    password_hash = fields.CharField(60, default="")
    role = fields.CharField(8)
    full_name = fields.CharField(200, null=True)
    display_name = fields.CharField(200, null=True)
    profile_photo_url = fields.CharField(2000, null=True)
    is_operator = fields.BooleanField(default=False)
    twin_of = fields.CharField(36, null=True, unique=True)
    created_at = fields.BigIntField()
    disabled_at = fields.BigIntField(null=True)
    archived_at = fields.BigIntField(null=True)

    class Meta:
        table = "users"


class Session(Model):
    """One access token and the renew token issued with it; family names the sign-in that both go back to."""

    id = fields.CharField(36, primary_key=True)
    family = fields.CharField(36, db_index=True)
    user_id = fields.CharField(36, db_index=True)
    renew_hash = fields.CharField(64, unique=True)
    created_at = fields.BigIntField()
    expires_at = fields.BigIntField(db_index=True)
    renewed_at = fields.BigIntField(null=True)
    revoked_at = fields.BigIntField(null=True, db_index=True)

    class Meta:
        table = "sessions"


class ApiKey(Model):
    """A personal API key; user_id is whom it acts for, owner_id the live user it belongs to."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    user_id = fields.CharField(36)
    owner_id = fields.CharField(36)
    mode = fields.CharField(8)
    label = fields.CharField(200)
    prefix = fields.CharField(16)
    hash = fields.CharField(64, unique=True)
    created_at = fields.BigIntField()
    last_used_at = fields.BigIntField(null=True)
    revoked_at = fields.BigIntField(null=True, db_index=True)

    class Meta:
        table = "api_keys"
        indexes = (("owner_id", "revoked_at", "id"), ("user_id", "revoked_at", "id"))


class Invite(Model):
    """A one-time token with which somebody joins an account that exists."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36, db_index=True)
    role = fields.CharField(8)
    hash = fields.CharField(64, unique=True)
    created_by = fields.CharField(36)
    created_at = fields.BigIntField()
    expires_at = fields.BigIntField()
    used_at = fields.BigIntField(null=True)

    class Meta:
        table = "invites"


class SetupToken(Model):
    """The one-time token that the first start prints; there is never more than one row."""

    id = fields.CharField(16, primary_key=True)
    hash = fields.CharField(64)
    created_at = fields.BigIntField()
    used_at = fields.BigIntField(null=True)

    class Meta:
        table = "setup_tokens"
