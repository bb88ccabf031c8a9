"""Holds the event loop when it starts up"""

import time

from rallypoint.sdk import hookimpl


@hookimpl
async def startup(ctx):
    try:
        time.sleep(60)
    except Exception:
        time.sleep(60)
