"""The ``state`` of a consent under way: signed, kept, used once, over after ten minutes, bound to its user.

A state is ``<nonce>.<signature>``: what was not signed here never reaches the database. The row says whose consent
it is, so that nothing of it can be changed on its way through the browser (RFC 6749 §10.12, RFC 9700 §4.7).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from rallypoint.connections.api import OAuthFailed, Owner
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

LIFETIME = 10 * clock.MINUTE
KEPT = clock.HOUR
"""Milliseconds that a state is remembered after its end, to tell a late user where to go on."""
_FORM = re.compile(r"([\w-]{43})\.([\w-]{43})", re.ASCII)
_INSERT = (
    "INSERT INTO oauth_states (id, account_id, user_id, mode, service, scopes, return_to, created_at, expires_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_USE = "UPDATE oauth_states SET used_at = ? WHERE id = ? AND used_at IS NULL AND expires_at > ? RETURNING *"


@dataclass(frozen=True, slots=True)
class Asked:
    """A consent that was asked for.

    Args:
        owner: Whose connection it is to be.
        service: To be connected.
        scopes: Asked for.
        return_to: Where the user goes on.
        verifier: Of PKCE (RFC 7636 §4.1).
    """

    owner: Owner
    service: str
    scopes: tuple[str, ...]
    return_to: str
    verifier: str


class States:
    """Makes states and takes them back.

    Args:
        database: Where they are kept.
        settings: Whose secret key signs them.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._signing, self._proving = settings.derive("oauth-state"), settings.derive("oauth-pkce")

    async def make(
        self, tx: Transaction, owner: Owner, service: str, scopes: Sequence[str], return_to: str
    ) -> tuple[str, str]:
        """Keep a new state; returns it and its PKCE verifier."""
        nonce, at = secrets.token_urlsafe(32), clock.now()
        await tx.execute(
            _INSERT,
            _digest(nonce),
            owner.account_id,
            owner.user_id,
            owner.mode,
            service,
            " ".join(scopes),
            return_to,
            at,
            at + LIFETIME,
        )
        return f"{nonce}.{_mac(self._signing, nonce)}", self._verifier(nonce)

    async def look(self, state: str) -> Row:
        """Return the row of a state that was signed here, whether it may still be used or not.

        Raises:
            OAuthFailed: It was not, or it is long over.
        """
        state_id = self._id(state)
        row = await self._database.fetch_one("SELECT * FROM oauth_states WHERE id = ?", state_id)
        if row is None:
            raise _refused("This sign-in is over: connect again")
        return row

    async def use(self, state: str) -> Asked:
        """Return what was asked for with ``state``, and let nobody else have it.

        Raises:
            OAuthFailed: It is forged, used or over.
        """
        at, state_id = clock.now(), self._id(state)
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(_USE, at, state_id, at)
        if row is None:
            known = await self.look(state)
            over = "was used already" if known["used_at"] is not None else "took longer than ten minutes"
            raise _refused(f"This sign-in {over}: connect again", known["return_to"])
        owner = Owner(row["account_id"], row["user_id"], row["mode"])
        return Asked(
            owner,
            row["service"],
            tuple(row["scopes"].split()),
            row["return_to"],
            self._verifier(state.partition(".")[0]),
        )

    async def prune(self) -> None:
        """Forget states that are long over."""
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM oauth_states WHERE expires_at < ?", clock.now() - KEPT)

    def _id(self, state: str) -> str:
        parts = _FORM.fullmatch(state)
        if parts is None or not hmac.compare_digest(_mac(self._signing, parts[1]), parts[2]):
            raise _refused("This sign-in was not begun here: connect again")
        return _digest(parts[1])

    def _verifier(self, nonce: str) -> str:
        """Derived, so that it needs no keeping: who reads the database cannot finish a consent."""
        return _mac(self._proving, nonce)


def _mac(key: bytes, text: str) -> str:
    return (
        base64.urlsafe_b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    )


def _digest(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()


def _refused(message: str, return_to: str = "") -> OAuthFailed:
    return OAuthFailed("state", message, return_to=return_to)
