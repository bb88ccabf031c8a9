"""What plugins see of a connection: who connected what, and a client that is signed in to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rallypoint.identity.api import Mode
from rallypoint.storage.store import Store

ConnectionState = Literal["connected", "needs_reauth", "removed"]


class Client(Protocol):
    """The provider HTTP client: timeouts, ``Retry-After``, retries with jitter, a breaker, redaction."""

    async def get_json(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """GET ``path`` below the base URL and return the parsed JSON.

        Raises:
            RetryLater: The provider is away, slow, or asked to wait.
            NeedsReauth: The credential is refused (401).
            PermanentFailure: The request itself is refused (other 4xx).
        """
        ...

    async def send_json(self, method: str, path: str, body: Any = None) -> Any:
        """Send a JSON body and return the parsed reply, None if empty; errors as in :meth:`get_json`."""
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
        version: Grows with every new credential, so that news of an old one is not taken for this one's.
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
