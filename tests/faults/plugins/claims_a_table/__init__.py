"""Has a model of the table of rooms"""

from rallypoint.sdk import hookimpl


@hookimpl
def register_models():
    return "rallypoint_claims_a_table.models"
