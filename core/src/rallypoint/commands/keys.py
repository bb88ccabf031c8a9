"""``rallypoint keys rotate``: everything that is encrypted, encrypted anew with the current key."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rallypoint.commands.database import opened
from rallypoint.security.rotation import Rotated, Rotation
from rallypoint.security.secrets import ensure_secret_key
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.apps import core_sealed
from rallypoint.storage.database import Database


async def rotate(settings: Settings) -> Sequence[Rotated]:
    """Encrypt every sealed column anew, and return what became of each; servers may run, and it may be repeated.

    Args:
        settings: With the new key as ``secret_key`` and the old ones as ``previous_secret_keys``.

    Raises:
        SecretsError: There is no key.
        click.ClickException: The database is away, or waits for a server to bring it up to date.
    """
    vault = Vault(ensure_secret_key(settings))
    async with opened(settings) as database:
        rotation = Rotation(database, vault)
        columns = [*core_sealed(), *await _of_plugins(database)]
        return [await rotation.rotate(table, column) for table, column in dict.fromkeys(columns)]


async def _of_plugins(database: Database) -> list[tuple[str, str]]:
    """Return the columns of every plugin that has run here, one that is absent too."""
    rows = await database.fetch("SELECT sealed FROM plugin_records ORDER BY plugin")
    return [(table, column) for row in rows for table, column in json.loads(row["sealed"])]


def report(found: Sequence[Rotated]) -> str:
    """Return what became of each column, in words."""
    lines = []
    for one in found:
        parts = [f"{one.renewed} encrypted anew", f"{one.current} already were"]
        parts += [f"{one.unreadable} CANNOT BE READ with any key given"] if one.unreadable else []
        lines.append(f"{one.table}.{one.column}: {'no such column' if one.missing else ', '.join(parts)}")
    return "\n".join(lines)
