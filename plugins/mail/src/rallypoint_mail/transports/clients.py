"""What the transports need of the core: clients with the operator's own credential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rallypoint.sdk import Client


class Clients(Protocol):
    """``ctx.kernel.connections``, as far as it matters here."""

    def client(self, base_url: str, headers: Mapping[str, str], *, quota: str = "") -> Client:
        """Return a client with a credential that does not change."""
        ...
