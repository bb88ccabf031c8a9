"""Reads JSON bodies of events and webhooks."""

from __future__ import annotations

import json
from typing import Any

from rallypoint.sdk import PermanentFailure


def parsed(body: bytes) -> Any:
    """Return a body's JSON.

    Raises:
        PermanentFailure: It is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise PermanentFailure("the body is not JSON") from None
