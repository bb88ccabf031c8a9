"""Publishes under the name of an event of rooms"""

from rallypoint.sdk import EventType, hookimpl


@hookimpl
def register_events(ctx):
    return [EventType("room.created", "Mine now")]
