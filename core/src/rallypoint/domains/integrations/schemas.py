"""Replies of the status API, and the forms and query strings of the page."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rallypoint.web.fields import Body, Text


class IntegrationOut(BaseModel):
    """An integration; what is not connected has no other field."""

    model_config = ConfigDict(extra="allow")

    connected: bool


class StatusData(BaseModel):
    """The two that are always there, and every other installed one by its name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, IntegrationOut]

    googleCalendar: IntegrationOut  # noqa: N815 - as integrations.md spells it
    zapier: IntegrationOut


class StatusOut(BaseModel):
    """``{"success": true, "data": …}``."""

    success: bool = True
    data: StatusData


class Outcome(Body):
    """What a provider's callback says when it sends a user back."""

    success: Annotated[str, Field(max_length=40)] = ""
    error: Annotated[str, Field(max_length=100)] = ""
    service: Annotated[str, Field(max_length=64)] = ""


class Form(Body):
    """What every form carries."""

    csrf: Annotated[str, Field(max_length=200)] = ""


class SignInForm(Form, Outcome):
    """Who signs in, and what was to be shown afterwards."""

    email: Annotated[Text, Field(max_length=254)] = ""
    password: Annotated[str, Field(max_length=1000)] = ""


class ActionForm(Form):
    """An action's fields, whatever they are called."""

    model_config = ConfigDict(extra="allow")

    confirmed: Annotated[str, Field(max_length=3)] = ""

    @property
    def values(self) -> dict[str, str]:
        """The fields beside our own."""
        return {name: str(value) for name, value in (self.model_extra or {}).items()}
