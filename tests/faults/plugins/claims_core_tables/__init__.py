"""Has a table prefix that covers the core's users"""

from rallypoint.sdk import hookimpl


@hookimpl
def register_models():
    return "rallypoint_claims_core_tables.models"
