"""Tables."""

from tortoise import fields
from tortoise.models import Model


class Taken(Model):
    """A table."""

    id = fields.IntField(primary_key=True)

    class Meta:
        table = "u_mine"
