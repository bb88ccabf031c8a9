"""Returns what a hook may not"""

from rallypoint.sdk import hookimpl


@hookimpl
def register_routes(ctx):
    return ["/not/a/route"]
