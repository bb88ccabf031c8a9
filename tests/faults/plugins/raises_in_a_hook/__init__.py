"""Raises when it starts up"""

from rallypoint.sdk import hookimpl


@hookimpl
async def startup(ctx):
    raise RuntimeError("not today")
