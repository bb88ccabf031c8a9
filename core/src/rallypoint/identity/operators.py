"""What whoever holds the server's console does with users; nothing of it can be reached over HTTP."""

from __future__ import annotations

from rallypoint.errors import Forbidden
from rallypoint.identity.sessions import Sessions
from rallypoint.identity.users import User, email_key, user_by_email
from rallypoint.security.passwords import MAX_LENGTH, MIN_LENGTH, Passwords
from rallypoint.security.tokens import digest, new_secret
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction

_SETUP = "setup"


class UnknownUserError(LookupError):
    """Nobody has registered with this address."""


class UnfitPasswordError(ValueError):
    """The password is too short or too long."""


class Operators:
    """What the command line does with users.

    Args:
        database: Where they are kept.
        passwords: Hashes new ones.
        sessions: End when a password is reset.
    """

    def __init__(self, database: Database, passwords: Passwords, sessions: Sessions) -> None:
        self._database, self._passwords, self._sessions = database, passwords, sessions

    async def add(self, email: str) -> None:
        """Make a registered user an operator; other processes see it within five seconds.

        Raises:
            UnknownUserError: Nobody has this address.
        """
        async with self._database.transaction() as tx:
            changed = await tx.execute(
                "UPDATE users SET is_operator = ? WHERE email_key = ?", True, email_key(email)
            )
        if not changed:
            raise UnknownUserError(f"nobody has registered as {email}")

    async def reset_password(self, email: str, password: str | None = None) -> str:
        """Give a user a new password, end their sessions, and return it; API keys stay valid.

        Args:
            email: Whose.
            password: The new one; a random one when left out.

        Raises:
            UnknownUserError: Nobody has this address.
            UnfitPasswordError: It is outside the bounds.
        """
        chosen = password or new_secret("", 20)
        if not MIN_LENGTH <= len(chosen) <= MAX_LENGTH:
            raise UnfitPasswordError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
        user = await self._find(email)
        password_hash = await self._passwords.hash(chosen)
        async with self._database.transaction() as tx:
            await tx.execute("UPDATE users SET password_hash = ? WHERE id = ?", password_hash, user.id)
            await self._sessions.end_all(tx, user.id)
        return chosen

    async def _find(self, email: str) -> User:
        user = await user_by_email(self._database, email)
        if user is None:
            raise UnknownUserError(f"nobody has registered as {email}")
        return user

    async def first_setup_token(self) -> str | None:
        """Return the token to print at the first start of a server; None at every later one.

        Only its digest is kept. If it is lost, ``rallypoint operator add`` makes the first operator.
        """
        token = new_secret("rp_setup_")
        async with self._database.transaction() as tx:
            made = await tx.fetch(
                "INSERT INTO setup_tokens (id, hash, created_at) VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING RETURNING id",
                _SETUP,
                digest(token),
                clock.now(),
            )
        return token if made else None

    @staticmethod
    async def use_setup_token(tx: Transaction, token: str) -> None:
        """Use the setup token up.

        Raises:
            Forbidden: It is wrong or used already.
        """
        used = await tx.execute(
            "UPDATE setup_tokens SET used_at = ? WHERE id = ? AND hash = ? AND used_at IS NULL",
            clock.now(),
            _SETUP,
            digest(token),
        )
        if not used:
            raise Forbidden("The setup token is not valid, or has been used already")
