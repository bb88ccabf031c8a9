"""Finds out at startup that it is not configured"""

from rallypoint.sdk import BadConfig, hookimpl


@hookimpl
async def startup(ctx):
    raise BadConfig("RALLYPOINT_LACKS_CONFIGURATION_URL names no server")
