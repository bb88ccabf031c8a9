"""What plugins see of connections: who connected what, and a client that is signed in to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import SecretStr

from rallypoint.errors import BadRequest
from rallypoint.identity.api import Mode, Principal
from rallypoint.storage.store import Store

ConnectionState = Literal["connected", "needs_reauth", "removed"]
TokenAuth = Literal["client_secret_post", "client_secret_basic"]
RevokeAuth = Literal["none", "client_secret_post", "client_secret_basic"]
OAuthFailure = Literal["state", "denied", "scopes", "exchange", "identify", "unavailable"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose connection it is."""

    account_id: str
    user_id: str
    mode: Mode

    @classmethod
    def of(cls, caller: Principal) -> Owner:
        """Return the owner that the caller of a route is."""
        return cls(caller.account_id, caller.user_id, caller.mode)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider says of the account that was connected.

    Args:
        label: Shown to the user: the e-mail address, mostly.
        email: By which :meth:`Connections.by_email` finds the connection; empty when there is none.
        external_id: The provider's own id of the account, by which two connections to one account are known.
    """

    label: str
    email: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """A provider's reply with a status below 300.

    Args:
        status: Of HTTP.
        headers: Names in lower case.
        json: The parsed body; None when it is empty.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None


class Client(Protocol):
    """The provider HTTP client: timeouts, ``Retry-After``, retries with jitter, a breaker, redaction.

    That of an OAuth2 connection carries a token that it keeps fresh. In the sandbox nothing is called: reading
    raises ``PermanentFailure``, and what would be sent is recorded in the log and answered with nothing.
    """

    async def get_json(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """GET ``path`` below the base URL and return the parsed JSON.

        Raises:
            RetryLater: The provider is away, slow, or asked to wait.
            NeedsReauth: The credential is refused (401).
            PermanentFailure: The request itself is refused (other 4xx); carries what the provider said.
        """
        ...

    async def send_json(self, method: str, path: str, body: Any = None) -> Any:
        """Send a JSON body and return the parsed reply, None if empty; errors as in :meth:`get_json`."""
        ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> Response:
        """Send a request and return status, headers and JSON; errors as in :meth:`get_json`.

        Args:
            method: GET, HEAD, PUT and DELETE are repeated when the provider is away; others are sent once.
            path: Below the base URL.
            params: The query.
            body: JSON-able.
            headers: Beside the credential, such as ``If-Match``.
            data: Bytes to send in place of ``body``.
            content_type: Of ``data``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """A user's connection to a service.

    Args:
        id: UUIDv7.
        service: As registered.
        account_id: Whose data it may touch.
        user_id: The owner.
        mode: Live connections never serve sandbox data.
        state: ``needs_reauth`` ones are not synced.
        label: The provider's name of the account.
        client: Signed in.
        store: Values of this connection.
        version: Grows with every new credential, so that news of an old one is not taken for this one's;
            a token that is only refreshed leaves it as it is.
        email: Of the connected account, when the provider says so.
        scopes: What the user has granted (OAuth2).
        external_id: The provider's own id of the account; a user may reconnect another one.
    """

    id: str
    service: str
    account_id: str
    user_id: str
    mode: Mode
    state: ConnectionState
    label: str
    client: Client
    store: Store
    version: int = 1
    email: str = ""
    scopes: tuple[str, ...] = ()
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a user's consent came to.

    Args:
        connection: Signed in.
        return_to: Where the user goes on, as given to ``begin``; may be empty.
        created: Whether there was no connection before.
    """

    connection: Connection
    return_to: str
    created: bool


class OAuthFailed(BadRequest):
    """A user's consent did not come to a connection; what there was before is as it was.

    Args:
        reason: ``state`` (forged, used, expired or of another callback), ``denied`` (by the user), ``scopes``
            (some are missing), ``exchange`` (the provider refuses the code), ``identify`` (it refuses the
            first call), ``unavailable`` (it is away).
        message: For the user.
        return_to: Where the user goes on, as far as it is known.
        missing: The scopes that were not granted.
    """

    code = "OAUTH_FAILED"

    def __init__(
        self, reason: OAuthFailure, message: str, *, return_to: str = "", missing: tuple[str, ...] = ()
    ) -> None:
        details: dict[str, Any] = {"reason": reason}
        super().__init__(message, details=details | ({"missing_scopes": list(missing)} if missing else {}))
        self.reason: OAuthFailure = reason
        self.return_to = return_to
        self.missing = missing


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Where tokens for the operator's own credentials come from (RFC 6749 §4.4 and its like).

    Args:
        token_url: Of the provider.
        client_id: The operator's.
        client_secret: The operator's.
        params: The grant; Zoom's is ``{"grant_type": "account_credentials", "account_id": …}``.
        token_auth: How the client's id and secret travel.
    """

    token_url: str
    client_id: str
    client_secret: SecretStr
    params: Mapping[str, str] = field(
        default_factory=lambda: {"grant_type": "client_credentials"}, hash=False
    )
    token_auth: TokenAuth = "client_secret_basic"  # noqa: S105 - a method's name
