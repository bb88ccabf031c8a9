"""What the rest of the house knows of identity: who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Mode = Literal["live", "sandbox"]
Role = Literal["admin", "user"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request or a socket acts for.

    Args:
        user_id: UUIDv7 of the user, as rooms.md shows it.
        user_number: The same user's integer, as inbox and booking replies show it.
        account_id: The account everything is scoped to; a sandbox key's is the sandbox twin.
        role: Of the user in the account.
        mode: Live and sandbox data never meet.
        credential_id: The access token's ``jti`` or the API key's id, by which it is revoked.
        expires_at: Milliseconds; None for API keys.
        is_operator: May see and change what belongs to the server.
    """

    user_id: str
    user_number: int
    account_id: str
    role: Role
    mode: Mode
    credential_id: str
    expires_at: int | None = None
    is_operator: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A user as others may know them.

    Args:
        user_id: UUIDv7.
        email: As typed at registration.
        name: As shown; empty when none was given.
        account_name: Of the organisation.
    """

    user_id: str
    account_id: str
    email: str
    name: str
    role: Role
    account_name: str


class People(Protocol):
    """Looks users up by their ids; found with ``ctx.service(People)``."""

    async def find(self, account_id: str, user_id: str) -> Person | None:
        """Return a user of an account; None when there is none, or the user has been disabled or archived."""
        ...

    async def account_name(self, account_id: str) -> str:
        """Return the name of an account; empty when there is none."""
        ...


class Authenticator(Protocol):
    """Turns what a caller shows into a principal, with a cache of at most five seconds."""

    async def authenticate(self, credential: str) -> Principal:
        """Return whom a token or key stands for.

        Args:
            credential: Access token or API key, without ``Bearer``.

        Raises:
            Unauthorized: It is malformed, tampered with, expired, revoked or unknown.
        """
        ...

    def on_revoked(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(credential_id)`` in this process whenever a credential is revoked."""
        ...
