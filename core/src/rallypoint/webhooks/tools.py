"""What every drain of a process works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rallypoint.storage.leases import Leases
from rallypoint.webhooks.bodies import Renderer
from rallypoint.webhooks.kinds import Kinds
from rallypoint.webhooks.ledger import Ledger
from rallypoint.webhooks.reading import Reader
from rallypoint.webhooks.retry import RetryPolicy
from rallypoint.webhooks.sender import Sender


@dataclass(frozen=True, slots=True)
class Tools:
    """One of each for all shards.

    Args:
        reader: Reads rows.
        ledger: Writes outcomes.
        sender: Posts.
        leases: Renews the drain's lease.
        policy: When to try again.
        renderers: Bodies of kinds of targets that do not take the event's own.
        kinds: Says what plugins' kinds of targets are sent beside the body.
        disable_after: Milliseconds of failing before a target is switched off.
    """

    reader: Reader
    ledger: Ledger
    sender: Sender
    leases: Leases
    policy: RetryPolicy
    renderers: Mapping[str, Renderer]
    kinds: Kinds
    disable_after: int
