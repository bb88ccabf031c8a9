"""A server's worth of delivery engine on a SQLite file, to be killed: python delivering.py FOLDER."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from support.delivery_house import open_house

APPS = {app.label: [app.models] for app in CORE_APPS if app.label in {"storage", "events", "webhooks"}}


async def main(folder: Path) -> None:
    database = Database("", folder)
    await database.open(APPS)
    try:
        await Leases(database).inherit()
        async with open_house(database) as house:
            while not await house.none_pending():
                await asyncio.sleep(0.02)
    finally:
        await database.close()


asyncio.run(main(Path(sys.argv[1])))
