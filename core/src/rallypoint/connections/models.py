"""Tables of connections."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

SEALED = (("connections", "credential"), ("oauth_revocations", "credential"))
"""Columns that the vault encrypts, by table: what ``rallypoint keys rotate`` encrypts anew."""


class ConnectionRow(Model):
    """A user's connection to a service; one for each user and service in an account."""

    id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    user_id = fields.CharField(36)
    mode = fields.CharField(16)
    service = fields.CharField(64)
    kind = fields.CharField(16, db_default="api_key")
    state = fields.CharField(16)
    label = fields.CharField(200, default="")
    email = fields.CharField(254, db_default="", description="In lower case")
    external_id = fields.CharField(200, db_default="", description="The provider's own id of the account")
    scopes = fields.TextField(db_default="", description="Granted; separated by spaces")
    reason = fields.CharField(300, default="")
    credential = fields.TextField(description="Encrypted: a key, or tokens; empty in the sandbox")
    version = fields.IntField(default=1, description="Grows with every new credential of the user's")
    renewals = fields.IntField(
        db_default=0, description="Grows with every refresh of its tokens, and never falls"
    )
    expires_at = fields.BigIntField(null=True, description="Of the access token")
    seq = fields.BigIntField(default=0)
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "connections"
        unique_together = (("account_id", "user_id", "service"),)
        indexes = (("service", "id"), ("account_id", "email"), ("external_id",))


class OAuthState(Model):
    """A consent that was asked for; kept a while after it is used or over, to say which of the two it was."""

    id = fields.CharField(64, primary_key=True, description="SHA-256 of the state's nonce")
    account_id = fields.CharField(36, db_index=True)
    user_id = fields.CharField(36)
    mode = fields.CharField(16)
    service = fields.CharField(64)
    scopes = fields.TextField(description="Asked for; separated by spaces")
    return_to = fields.CharField(2000, default="")
    created_at = fields.BigIntField()
    expires_at = fields.BigIntField(db_index=True)
    used_at = fields.BigIntField(null=True)

    class Meta:
        table = "oauth_states"


class OAuthRevocation(Model):
    """A grant that the provider is still to be told the end of; it belongs to nobody here any more."""

    id = fields.CharField(36, primary_key=True)
    service = fields.CharField(64)
    external_id = fields.CharField(200, default="")
    credential = fields.TextField(description="Encrypted")
    attempts = fields.IntField(default=0)
    next_at = fields.BigIntField(db_index=True)
    created_at = fields.BigIntField()

    class Meta:
        table = "oauth_revocations"


class ConnectionMark(Model):
    """When something last happened to a connection, and how often: one row for each kind."""

    id = fields.CharField(80, primary_key=True, description="connection/kind")
    connection_id = fields.CharField(36, db_index=True)
    kind = fields.CharField(32)
    count = fields.BigIntField()
    last_at = fields.BigIntField()
    until = fields.BigIntField(null=True, description="When it is to happen again, or ends")
    detail = fields.CharField(300, default="")

    class Meta:
        table = "connection_marks"


class ConnectionLogEntry(Model):
    """What changed a connection's state, and what went wrong: the latest hundred of each connection."""

    id = fields.CharField(36, primary_key=True)
    connection_id = fields.CharField(36)
    at = fields.BigIntField()
    kind = fields.CharField(32)
    detail = fields.CharField(300, default="")

    class Meta:
        table = "connection_log"
        indexes = (("connection_id", "id"),)
