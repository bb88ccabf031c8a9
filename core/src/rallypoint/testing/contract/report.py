"""What an examined process tells the one that started it, as JSON in a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class WebhookReport:
    """How one inbound webhook answered.

    Args:
        path: Where it is posted.
        unsigned: Status of a delivery without a signature.
        sampled: Whether the source gives a sample, without which the rest stays as it is.
        tampered: Status of the sample with another body.
        first: Status of the sample.
        second: Status of the sample when it comes again.
        receipts: How many are kept after both.
    """

    path: str
    unsigned: int
    sampled: bool = False
    tampered: int = 0
    first: int = 0
    second: int = 0
    receipts: int = 0


@dataclass(slots=True)
class Report:
    """What one process saw.

    Args:
        import_seconds: Processor time of the import.
        import_network: What import and registration tried to reach.
        variables: Names of the plugin's settings.
        secrets: Values of those that are secret.
        statuses: Of every plugin after everything was tried, as documents.
        webhooks: How each answered.
        shown: What operators may see: statuses, health, diagnostics.
        left: What is left after shutdown: tasks, threads and sockets with their number.
    """

    import_seconds: float = 0.0
    import_network: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    webhooks: list[WebhookReport] = field(default_factory=list)
    shown: str = ""
    left: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Keep it in a file."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Report:
        """Return what :meth:`write` kept."""
        values = json.loads(path.read_text())
        webhooks = [WebhookReport(**webhook) for webhook in values.pop("webhooks")]
        return cls(**values, webhooks=webhooks)
