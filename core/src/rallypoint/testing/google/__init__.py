"""A strict stand-in for Google, for tests of plugins and servers: ``async with GoogleFake() as google``."""

from __future__ import annotations

from rallypoint.testing.google.consent import consent
from rallypoint.testing.google.errors import rate_limited
from rallypoint.testing.google.fake import CLIENT, MIA, NOA, GoogleFake

__all__ = ["CLIENT", "MIA", "NOA", "GoogleFake", "consent", "rate_limited"]
