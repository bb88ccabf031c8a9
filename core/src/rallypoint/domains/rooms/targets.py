"""A room's webhook targets: its own and its integrations', made, moved and removed in one way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.domains.rooms.records import topic_of
from rallypoint.storage.database import Transaction
from rallypoint.webhooks.targets import Targets


async def point(
    targets: Targets,
    tx: Transaction,
    room: Mapping[str, Any],
    target_id: str | None,
    url: str | None,
    owner_id: str,
) -> tuple[str | None, str | None]:
    """Have a room's target point at ``url``.

    Args:
        targets: All targets.
        tx: The transaction under way.
        room: With its ``id``, ``account_id`` and ``mode``.
        target_id: The target there is; None for none yet.
        url: Where events go from now on; None removes the target.
        owner_id: Of a new target.

    Returns:
        The target's id and, of a new one, its secret.
    """
    if url is None:
        if target_id is not None:
            await targets.remove(tx, target_id)
        return None, None
    if target_id is not None:
        await targets.change_url(tx, target_id, url)
        return target_id, None
    new = await targets.create(
        tx,
        account_id=room["account_id"],
        mode=room["mode"],
        owner_id=owner_id,
        kind="room",
        subject=topic_of(room["id"]),
        url=url,
    )
    return new.id, new.secret
