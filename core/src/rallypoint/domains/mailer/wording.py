"""How trouble with a message reads: in one line, without addresses, which are nobody's business in a log."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_MOST = 300


def discreet(text: str) -> str:
    """Return a text in one line with every address taken out, 300 characters at most."""
    return _ADDRESS.sub("…@…", " ".join(text.split()))[:_MOST]
