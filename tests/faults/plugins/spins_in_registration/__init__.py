"""Never ends when it registers"""

from rallypoint.sdk import hookimpl


@hookimpl
def register_events(ctx):
    while True:
        pass
