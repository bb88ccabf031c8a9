"""Who asks: the credential in ``Authorization``, and what each route demands of it."""

from __future__ import annotations

from collections.abc import Mapping

from rallypoint.errors import Forbidden, Unauthorized
from rallypoint.identity.api import Authenticator, Principal
from rallypoint.web.routing import Access, HeaderKey

MAX_CREDENTIAL = 4096
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def credential(headers: Mapping[str, str], *, bare: bool) -> str | None:
    """Return the token or key that a request shows.

    Args:
        headers: Names in lower case.
        bare: Whether a token without ``Bearer`` counts, as under inbox paths.
    """
    value = headers.get("authorization")
    if value is None:
        return None
    scheme, space, token = value.partition(" ")
    if space and scheme.lower() == "bearer":
        return token.strip() or None
    return value if bare and value and not space else None


async def principal_of(
    authenticator: Authenticator, access: Access, headers: Mapping[str, str], *, bare: bool
) -> Principal | None:
    """Return who calls; None on public routes for who shows nothing that holds.

    A public route ignores a bad credential: its handler may know other kinds, and nobody should be kept from
    logging in by the expired token a client still sends.

    Raises:
        Unauthorized: The route demands a principal and there is none.
        Forbidden: It demands an operator.
    """
    shown = credential(headers, bare=bare)
    if access is Access.PUBLIC:
        return None if shown is None else await _tolerant(authenticator, shown)
    if shown is None:
        raise Unauthorized("A token is required: Authorization: Bearer <token>", headers=_CHALLENGE)
    principal = await _strict(authenticator, shown)
    if access is Access.OPERATOR and not principal.is_operator:
        raise Forbidden("Only an operator of this server may do this")
    return principal


async def principal_of_key(key: HeaderKey, headers: Mapping[str, str]) -> Principal:
    """Return whom a route's own key stands for.

    Raises:
        Unauthorized: There is none, or it does not hold.
    """
    shown = headers.get(key.header.lower(), "")
    if not shown or len(shown) > MAX_CREDENTIAL:
        raise Unauthorized(f"A key is required: {key.header}")
    return await key.identify(shown)


def limit_key(principal: Principal | None, client: str) -> str:
    """Return whom a limit counts: the API key, the user of an access token, or the client's address."""
    if principal is None:
        return client
    return principal.credential_id if principal.expires_at is None else principal.user_id


async def _tolerant(authenticator: Authenticator, shown: str) -> Principal | None:
    try:
        return await _strict(authenticator, shown)
    except Unauthorized:
        return None


async def _strict(authenticator: Authenticator, shown: str) -> Principal:
    if len(shown) > MAX_CREDENTIAL:
        raise Unauthorized("The token is not valid", headers=_CHALLENGE)
    try:
        return await authenticator.authenticate(shown)
    except Unauthorized as error:
        error.headers.update(_CHALLENGE)
        raise
