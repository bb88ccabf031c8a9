"""Fails when a model has changed without its migration, or an app has two migrations of one number."""

from __future__ import annotations

import asyncio
import sys
import tomllib
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory

from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.storage.makemigrations import missing_migrations
from rallypoint.storage.migrate import App, names_on_disk

ROOT = Path(__file__).parents[1]


def all_apps() -> list[App]:
    """Return the core's apps and those of every domain and plugin of this tree that has models."""
    apps = list(CORE_APPS)
    for entry in entry_points(group="rallypoint.plugins"):
        package = entry.value.removesuffix(".plugin")
        folder = next(ROOT.glob(f"**/src/{package.replace('.', '/')}"), None)
        if folder and (folder / "models.py").exists():
            name = tomllib.loads((folder / "plugin.toml").read_text())["name"]
            apps.append(App(name, f"{package}.models"))
    return apps


async def problems() -> list[str]:
    """Return what is wrong, a line each."""
    apps, found = all_apps(), []
    with TemporaryDirectory() as folder:
        database = Database("", Path(folder))
        await database.open({app.label: [app.models] for app in apps})
        try:
            for app in apps:
                numbers = Counter(name[:4] for name in names_on_disk(app))
                found += [
                    f"{app.label}: two migrations {number}" for number, count in numbers.items() if count > 1
                ]
            found += [
                f"{writer.app_label}: models have changed without a migration"
                for writer in await missing_migrations(database, apps)
            ]
        finally:
            await database.close()
    return found


if __name__ == "__main__":
    lines = asyncio.run(problems())
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.exit(bool(lines))
