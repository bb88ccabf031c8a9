"""Implements a hook that does not exist"""

from rallypoint.sdk import hookimpl


@hookimpl
def register_rootes(ctx):
    return []
