"""Paths of what is installed and cannot serve, such as a plugin that lacks a setting."""

from __future__ import annotations

from rallypoint.web.prefixes import longest


class Away:
    """Prefixes that answer 503 where nothing is mounted; a prefix matches whole path segments only."""

    def __init__(self) -> None:
        self._by_prefix: dict[str, str] = {}

    def add(self, prefix: str, message: str) -> None:
        """Have ``prefix`` (``/api/create-zoom-meeting``) and everything below it answer with a message."""
        self._by_prefix[prefix] = message

    def of(self, path: str) -> str | None:
        """Return the message for a path; None when nothing is away there."""
        return longest(self._by_prefix, path)
