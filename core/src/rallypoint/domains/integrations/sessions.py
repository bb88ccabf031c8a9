"""Who looks at the page: a session of identity's in a sealed cookie, and what keeps other sites' forms out."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

import orjson

from rallypoint.errors import Forbidden, Unauthorized
from rallypoint.identity.api import Principal
from rallypoint.identity.service import Identity
from rallypoint.identity.sessions import SignedIn
from rallypoint.security.vault import Vault, VaultError
from rallypoint.settings import Settings
from rallypoint.web.routing import Call, Cookie

SCOPE = "/settings"
_MAX_COOKIE = 4096  # what browsers keep (RFC 6265 §6.1)
_FLASH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in.

    Args:
        principal: As whom.
        email: Of that user, when they signed in.
        csrf: What every form of this session's pages carries; made at sign-in and kept until sign-out.
        cookie: To be set when the session was renewed just now.
    """

    principal: Principal
    email: str
    csrf: str
    cookie: Cookie | None = None

    @property
    def cookies(self) -> tuple[Cookie, ...]:
        """What every reply of this request sets."""
        return () if self.cookie is None else (self.cookie,)


@dataclass(frozen=True, slots=True)
class Flash:
    """A message that survives one redirect.

    Args:
        message: One sentence.
        key: Of the integration it is about; empty for none.
        good: Whether it tells of success.
    """

    message: str
    key: str = ""
    good: bool = True


class Sessions:
    """Sessions of browsers; identity keeps them, as those of the API, so they end together.

    Args:
        identity: Signs in, renews and signs out.
        vault: Seals cookies.
        settings: ``PUBLIC_URL`` decides whether cookies are for https alone.
    """

    def __init__(self, identity: Identity, vault: Vault, settings: Settings) -> None:
        self._identity, self._vault = identity, vault
        self._secure = settings.public_url.startswith("https://")
        prefix = "__Secure-" if self._secure else ""
        self._session, self._form, self._flash = (
            f"{prefix}rallypoint_{name}" for name in ("session", "form", "flash")
        )

    async def open(self, call: Call) -> Session | None:
        """Return the session of a request, renewed when its access token has expired; None without one."""
        match self._read(call, self._session):
            case [str(token), str(renew_token), str(csrf), str(email)]:
                pass
            case _:
                return None
        try:
            return Session(await self._identity.authenticator.authenticate(token), email, csrf)
        except Unauthorized:
            return await self._renew(renew_token, csrf)

    async def sign_in(self, email: str, password: str) -> Cookie:
        """Return the cookie of a new session.

        Raises:
            Unauthorized: Address and password do not fit.
            RateLimited: Too many tries.
            Unavailable: Too many sign-ins at once.
        """
        return self._cookie_of(
            await self._identity.sessions.login(email, password), secrets.token_urlsafe(32)
        )

    async def sign_out(self, session: Session) -> Cookie:
        """End a session everywhere and return what deletes its cookie."""
        await self._identity.sessions.close(session.principal)
        return self._cookie(self._session, "", 0)

    def form_token(self, call: Call) -> tuple[str, Cookie]:
        """Return what the sign-in form carries, and the cookie it must come back with."""
        token = call.cookies.get(self._form, "")
        token = token if len(token) == 43 else secrets.token_urlsafe(32)
        return token, self._cookie(self._form, token)

    def check_form(self, call: Call, sent: str, csrf: str | None = None) -> None:
        """Refuse a form that none of our pages sent.

        Args:
            call: The request.
            sent: The form's token.
            csrf: Of the session; None for the sign-in form, whose token is in a cookie.

        Raises:
            Forbidden: Another site sent it, or it belongs to another session.
        """
        expected = call.cookies.get(self._form, "") if csrf is None else csrf
        foreign = call.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
        if foreign or not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
            raise Forbidden(
                "This form is out of date, so nothing was done. Go back, reload the page and try again."
            )

    def leave_flash(self, flash: Flash) -> Cookie:
        """Return the cookie that carries a message to the next page."""
        sealed = self._seal([flash.message[:500], flash.key, flash.good])
        return self._cookie(self._flash, sealed, _FLASH_SECONDS)

    def take_flash(self, call: Call) -> tuple[Flash | None, tuple[Cookie, ...]]:
        """Return the message left for this page, and what deletes it."""
        match self._read(call, self._flash):
            case [str(message), str(key), bool(good)]:
                return Flash(message, key, good), (self._cookie(self._flash, "", 0),)
            case _:
                return None, ()

    async def _renew(self, renew_token: str, csrf: str) -> Session | None:
        # A second tab may have used the token moments ago. Its cookie then replaces this one, so a refusal
        # must not delete anything.
        try:
            signed_in = await self._identity.sessions.renew(renew_token)
            principal = await self._identity.authenticator.authenticate(signed_in.token)
        except Unauthorized:
            return None
        return Session(principal, signed_in.user.email, csrf, self._cookie_of(signed_in, csrf))

    def _cookie_of(self, signed_in: SignedIn, csrf: str) -> Cookie:
        sealed = self._seal([signed_in.token, signed_in.renew_token, csrf, signed_in.user.email])
        return self._cookie(self._session, sealed)

    def _cookie(self, name: str, value: str, max_age: int | None = None) -> Cookie:
        return Cookie(name, value, SCOPE, max_age, self._secure)

    def _seal(self, value: list[object]) -> str:
        return self._vault.encrypt(orjson.dumps(value).decode())

    def _read(self, call: Call, name: str) -> object:
        sealed = call.cookies.get(name, "")
        if not sealed or len(sealed) > _MAX_COOKIE:
            return None
        try:
            return orjson.loads(self._vault.decrypt(sealed))
        except (VaultError, orjson.JSONDecodeError):
            return None
