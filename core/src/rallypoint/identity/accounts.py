"""Registration: who may, and the account and user that come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rallypoint.errors import Forbidden, ValidationFailed
from rallypoint.identity.api import Role
from rallypoint.identity.invites import Invites
from rallypoint.identity.operators import Operators
from rallypoint.identity.sessions import Sessions, SignedIn
from rallypoint.identity.users import User, email_key, user_by_email, user_by_id
from rallypoint.security.passwords import Passwords
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id

Registration = Literal["open", "invite", "closed"]


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to register.

    Args:
        email: As typed.
        password: Within the bounds of ``security.passwords``.
        company_name: Names the new account; the address does when it is empty.
        full_name: Shown to others.
        invite_token: Joins the account that the invite is from instead of making one.
        setup_token: Makes the user an operator, whatever ``REGISTRATION`` says.
    """

    email: str
    password: str
    company_name: str = ""
    full_name: str | None = None
    invite_token: str | None = None
    setup_token: str | None = None


class Accounts:
    """Accounts of one server.

    Args:
        database: Where they are kept.
        passwords: Hashes them.
        sessions: Signs the new user in.
        invites: Admit to accounts that exist.
        operators: Knows the setup token.
        registration: Who may register.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: Sessions,
        invites: Invites,
        operators: Operators,
        *,
        registration: Registration,
    ) -> None:
        self._database, self._passwords, self._sessions = database, passwords, sessions
        self._invites, self._operators, self._registration = invites, operators, registration

    async def register(self, applicant: Applicant) -> SignedIn:
        """Create a user, with an account of their own or in the inviter's, and sign them in.

        Raises:
            Forbidden: Registration is closed, or the invite or setup token does not hold.
            ValidationFailed: The address is taken.
            Unavailable: Too many sign-ins at once on this server.
        """
        self._check_open(applicant)
        if await user_by_email(self._database, applicant.email):
            raise _taken()
        password_hash = await self._passwords.hash(applicant.password)
        async with self._database.transaction() as tx:
            user = await self._create(tx, applicant, password_hash)
            return await self._sessions.open(tx, user)

    def _check_open(self, applicant: Applicant) -> None:
        if applicant.setup_token or self._registration == "open":
            return
        if self._registration == "closed":
            raise Forbidden("Registration is closed on this server")
        if not applicant.invite_token:
            raise Forbidden("Registration on this server needs an invite")

    async def _create(self, tx: Transaction, applicant: Applicant, password_hash: str) -> User:
        if applicant.setup_token:
            await self._operators.use_setup_token(tx, applicant.setup_token)
        account_id, role = await self._place(tx, applicant)
        user_id = new_id()
        made = await tx.fetch(
            "INSERT INTO users (id, account_id, email, email_key, password_hash, role, full_name,"
            " is_operator, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (email_key) DO NOTHING RETURNING id",
            user_id,
            account_id,
            applicant.email.strip(),
            email_key(applicant.email),
            password_hash,
            role,
            applicant.full_name,
            bool(applicant.setup_token),
            clock.now(),
        )
        user = await user_by_id(tx, user_id) if made else None
        if user is None:
            raise _taken()
        return user

    async def _place(self, tx: Transaction, applicant: Applicant) -> tuple[str, Role]:
        if applicant.invite_token:
            return await self._invites.use(tx, applicant.invite_token)
        account_id = new_id()
        await tx.execute(
            "INSERT INTO accounts (id, name, mode, created_at) VALUES (?, ?, 'live', ?)",
            account_id,
            applicant.company_name or applicant.email.partition("@")[0].strip(),
            clock.now(),
        )
        return account_id, "admin"


def _taken() -> ValidationFailed:
    return ValidationFailed({"email": ["has already been taken"]})
