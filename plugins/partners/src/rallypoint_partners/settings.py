"""The operator's settings: variables ``RALLYPOINT_PARTNERS_…``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from rallypoint.sdk import PluginSettings

_NONE = SecretStr("")


class Access(BaseModel):
    """How one partner is reached, and whom its rooms belong to.

    Args:
        api_url: Base of its API; empty for none: then it is inbound only.
        api_key: For its API.
        webhook_secret: Its webhooks are signed with.
        account_id: The account its rooms belong to.
        owner_id: The user who owns its rooms.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    api_url: str = Field("", pattern=r"^(https?://\S+)?$")
    api_key: SecretStr = _NONE
    webhook_secret: SecretStr = _NONE
    account_id: str = ""
    owner_id: str = ""

    @property
    def has_owner(self) -> bool:
        """Whether its rooms have a place."""
        return bool(self.account_id and self.owner_id)


class PartnersSettings(PluginSettings):
    """Access to the two shipped partners by variables of their own, to others by ``ACCESS``."""

    config_dir: Path | None = Field(None, description="Folder with further configurations")
    access: Mapping[str, Access] = Field({}, description="JSON: access by partner's name")

    study_together_api_url: str = Field("", pattern=r"^(https?://\S+)?$")
    study_together_api_key: SecretStr = _NONE
    study_together_webhook_secret: SecretStr = _NONE
    study_together_account_id: str = ""
    study_together_owner_id: str = ""

    flow_club_api_url: str = Field("", pattern=r"^(https?://\S+)?$")
    flow_club_api_key: SecretStr = _NONE
    flow_club_webhook_secret: SecretStr = _NONE
    flow_club_account_id: str = ""
    flow_club_owner_id: str = ""

    def access_of(self, name: str) -> Access:
        """Return the access to a partner; an empty one when nothing is set."""
        if name in self.access:
            return self.access[name]
        prefix = name.replace("-", "_")
        given = {field: getattr(self, f"{prefix}_{field}", None) for field in Access.model_fields}
        return Access(**{field: value for field, value in given.items() if value is not None})
