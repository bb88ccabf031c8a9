"""Serves a path that is not its own"""

from rallypoint.sdk import Done, Reply, Routes, hookimpl


@hookimpl
def register_routes(ctx):
    routes = Routes("/api/v1/rooms")

    @routes.add("GET", "/<id>", summary="Take it", replies={200: Done})
    async def take(call):
        return Reply(Done(message="mine"))

    return routes
