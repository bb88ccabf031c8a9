"""A strict stand-in for Microsoft, for tests of plugins and servers: ``async with MicrosoftFake() as microsoft``."""

from __future__ import annotations

from rallypoint.testing.microsoft.errors import throttled
from rallypoint.testing.microsoft.fake import CLIENT_ID, CLIENT_SECRET, MIA, NOA, MicrosoftFake

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "MIA", "NOA", "MicrosoftFake", "throttled"]
