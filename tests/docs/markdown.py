"""Code blocks of our own documents."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, in order."""
    text = (ROOT / document).read_text()
    return [body for found, body in _BLOCK.findall(text) if found == language]
