"""A process that calls a provider many times at once: ``python -m tests.support.refresh_calls``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.core.connections.conftest import ALICE
from tests.core.connections.oauth import oauth_service, process

from rallypoint.connections.http import ProviderHttp
from rallypoint.errors import PluginError
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database
from rallypoint.testing.oauth import OAuthFake

CALLS = 25


async def main(database_url: str, data_dir: str, provider: str) -> None:
    """Say that it is ready, wait for a line, call, and print what came of it."""
    database, http = Database(database_url, Path(data_dir)), ProviderHttp()
    await database.open({app.label: [app.models] for app in CORE_APPS})
    await http.open()
    elsewhere = OAuthFake()
    elsewhere._url = provider  # it runs in the test
    connections = process(database, http)
    connections.declare("cal", oauth_service(elsewhere))
    try:
        rows = await asyncio.gather(*(connections.row(ALICE, "cal") for _ in range(CALLS)))
        clients = [found for row in rows if (found := connections._declared.connection(row))]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        answers = await asyncio.gather(
            *(client.client.get_json("/me") for client in clients), return_exceptions=True
        )
        wrong = [repr(answer) for answer in answers if isinstance(answer, PluginError | Exception)]
        print("; ".join(wrong) or f"{len(answers)} answers", flush=True)
    finally:
        await connections.close()
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
