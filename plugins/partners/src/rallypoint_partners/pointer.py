"""JSON pointers (RFC 6901)."""

from __future__ import annotations

from typing import Any


def resolve(document: Any, pointer: str) -> Any:
    """Return what ``pointer`` names in ``document``; None when there is no such place."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document
