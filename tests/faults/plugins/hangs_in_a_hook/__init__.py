"""Waits for ever when it starts up"""

import asyncio

from rallypoint.sdk import hookimpl


@hookimpl
async def startup(ctx):
    await asyncio.Event().wait()
