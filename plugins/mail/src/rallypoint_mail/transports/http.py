"""What the providers' HTTP APIs have in common: what their refusals mean for a queue of messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rallypoint.domains.mailer.api import TransportAway
from rallypoint.sdk import BadConfig, NeedsReauth, PermanentFailure, RetryLater

_CREDENTIAL = (401, 403, 404)
_MOST = 200


@contextmanager
def meaning(provider: str, variables: str) -> Iterator[None]:
    """Turn the client's errors into a transport's.

    Args:
        provider: Its name, for people.
        variables: The settings to look at when it refuses the credential, the domain or the address of the API.
    """
    try:
        yield
    except NeedsReauth as error:
        raise BadConfig(f"{provider} refuses {variables}") from error
    except RetryLater as error:
        raise TransportAway(f"{provider}: {error}", after=error.after) from error
    except PermanentFailure as error:
        said = f"{provider} answered {error.status or 'nonsense'}: {said_in(error.payload)}".rstrip(": ")
        if error.status in _CREDENTIAL:
            raise BadConfig(f"{said}; look at {variables}") from error
        raise PermanentFailure(said, status=error.status, reason_code=error.reason_code) from error


def said_in(payload: Any) -> str:
    """Return a provider's explanation: ``message``, or the messages of ``errors``."""
    if not isinstance(payload, Mapping):
        return ""
    errors = payload.get("errors")
    found = [payload.get("message"), payload.get("Message")]
    found += (
        [one.get("message") for one in errors if isinstance(one, Mapping)] if isinstance(errors, list) else []
    )
    return "; ".join(text for text in found if isinstance(text, str))[:_MOST]
