"""Offers a service and an event, then raises half-way"""

from rallypoint.sdk import EventType, hookimpl


class Half:
    """A service that must not stay behind."""


@hookimpl
def register_events(ctx):
    return [EventType("half.done", "Half done")]


@hookimpl
def register_services(ctx):
    return {Half: Half()}


@hookimpl
def register_routes(ctx):
    raise KeyError("routes")
