"""What a provider's callback said when it sent the user back: ``?success=true`` or ``?error=…``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from rallypoint.domains.integrations.schemas import Outcome
from rallypoint.domains.integrations.sessions import Flash

_OF_PROVIDER = re.compile(r"([a-z]{1,20})(?:_[a-z]+)*_auth_failed")
_REASONS: Mapping[str, str] = {
    "oauth_denied": "You did not give the permission.",
    "oauth_scopes": "Not everything that is needed was allowed; leave every box ticked.",
    "oauth_state": "It took too long, or the way back was taken twice.",
    "oauth_unavailable": "The provider cannot be reached at present.",
}


def flash_of(outcome: Outcome, titles: Mapping[str, str]) -> Flash | None:
    """Return the message of an outcome, in our words: anybody can write an address.

    Args:
        outcome: Of the query string.
        titles: Of services.
    """
    if outcome.error:
        found = _OF_PROVIDER.fullmatch(outcome.error)
        who = found[1].capitalize() if found else "The account"
        why = _REASONS.get(outcome.error, "Please try again.")
        return Flash(f"{who} was not connected, and nothing has changed. {why}", good=False)
    if outcome.success == "true":
        return Flash(f"{titles.get(outcome.service, 'The account')} is connected.")
    return None


def query_of(outcome: Outcome) -> str:
    """Return an outcome as a query string, empty when there is none; for the way through the sign-in."""
    query = urlencode({name: value for name, value in outcome.model_dump().items() if value})
    return f"?{query}" if query else ""
