"""How a partner is described: one TOML file each, checked when it is read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rallypoint.domains.rooms.api import RoomType
from rallypoint.sdk import BadConfig

Pointer = Annotated[str, StringConstraints(pattern=r"^(/.*)?$", max_length=200)]
"""A JSON pointer (RFC 6901); empty is the whole document."""
Template = Annotated[str, StringConstraints(pattern=r"^/\S*$", max_length=200)]
"""A path below the API's base with ``{id}`` and ``{user_id}``."""
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", max_length=100)]
Capability = Literal["webhook-in", "list", "get", "add-participant", "remove-participant"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PageConfig(_Part):
    """How a list goes on.

    Args:
        style: ``cursor`` hands back what ``next`` points to; ``page`` counts from 1 until a page is empty.
        parameter: Of the query.
        next: Where a reply has the next cursor.
    """

    style: Literal["none", "cursor", "page"] = "none"
    parameter: str = "cursor"
    next: Pointer = "/next"


class ApiConfig(_Part):
    """The partner's API, its base URL and key apart.

    Args:
        auth_header: Carries the key.
        auth_scheme: Before the key; empty for none.
        list: Path of the list of sessions.
        get: Path of one session.
        add_participant: Path that takes a newcomer, by POST.
        remove_participant: Path that lets somebody go, by DELETE.
        participant: Body of ``add_participant``: values with ``{user_id}`` and ``{id}``.
        items: Where the list's reply has the sessions.
        item: Where the reply to ``get`` has the session.
        page: How the list goes on.
        rate_limit_per_minute: Calls, at most.
        poll_seconds: Between two looks at the list.
    """

    auth_header: HeaderName = "Authorization"
    auth_scheme: str = "Bearer"
    list: Template | None = None
    get: Template | None = None
    add_participant: Template | None = None
    remove_participant: Template | None = None
    participant: Mapping[str, str] = {"user_id": "{user_id}"}
    items: Pointer = ""
    item: Pointer = ""
    page: PageConfig = PageConfig()
    rate_limit_per_minute: int = Field(60, ge=1, le=6000)
    poll_seconds: float = Field(300.0, ge=5)


class FieldMap(_Part):
    """Where a session has what a room shows; what is left out takes the default."""

    id: Pointer = "/id"
    title: Pointer = "/title"
    description: Pointer | None = None
    start: Pointer | None = None
    end: Pointer | None = None
    time_format: Literal["rfc3339", "seconds", "milliseconds"] = "rfc3339"
    capacity: Pointer | None = None
    tags: Pointer | None = None
    participants: Pointer | None = None
    participant_id: Pointer = "/id"
    participant_joined_at: Pointer | None = None
    status: Pointer | None = None
    ended_values: tuple[str, ...] = ()


class Defaults(_Part):
    """What a room is where the session does not say."""

    room_type: RoomType = "video"
    is_public: bool = False
    max_participants: int = Field(10, ge=1, le=1000)


class WebhookConfig(_Part):
    """How the partner's webhooks are signed and read.

    Args:
        header: Carries the signature.
        algorithm: Of the HMAC.
        encoding: Of the signature.
        prefix: Before the signature, such as ``sha256=``.
        template: What is signed: ``{body}``, ``{timestamp}`` and text.
        timestamp_header: Carries the time of sending, in seconds since the epoch.
        tolerance: Seconds by which that may be off.
        delivery: Where the body has the delivery's id. It is in the body because that is signed: nobody can
            replay a webhook under another id. Without it, equal bodies of one time count as one delivery.
        event: Where the body names its event.
        session: Where the body has the session.
        ended_events: Events that mean the session is over.
    """

    header: HeaderName
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    template: str = "{body}"
    timestamp_header: HeaderName | None = None
    tolerance: float = Field(300.0, gt=0)
    delivery: Pointer | None = None
    event: Pointer = "/event"
    session: Pointer = "/session"
    ended_events: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _signs_the_body(self) -> WebhookConfig:
        if self.template.count("{body}") != 1:
            raise ValueError("template must contain {body} once: a signature without the body proves nothing")
        if ("{timestamp}" in self.template) != (self.timestamp_header is not None):
            raise ValueError("timestamp_header and {timestamp} in template go together")
        return self


class PartnerConfig(_Part):
    """One partner.

    Args:
        name: Its ``external_service_name`` in rooms.
        title: For people.
        capabilities: What of the below is in use.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
    title: str = Field(min_length=1, max_length=100)
    capabilities: frozenset[Capability]
    api: ApiConfig = ApiConfig()
    fields: FieldMap = FieldMap()
    defaults: Defaults = Defaults()
    webhook: WebhookConfig | None = None

    @model_validator(mode="after")
    def _has_what_it_claims(self) -> PartnerConfig:
        needed: Mapping[str, object] = {
            "webhook-in": self.webhook,
            "list": self.api.list,
            "get": self.api.get,
            "add-participant": self.api.add_participant,
            "remove-participant": self.api.remove_participant,
        }
        if missing := sorted(name for name in self.capabilities if needed[name] is None):
            raise ValueError(f"capabilities without configuration: {', '.join(missing)}")
        return self


def load_configs(folder: Path | None) -> Mapping[str, PartnerConfig]:
    """Return the shipped configurations and those of ``folder``, which replace shipped ones of the same name.

    Raises:
        BadConfig: A file cannot be read; names it.
    """
    shipped = resources.files("rallypoint_partners") / "shipped"
    texts = {entry.name: entry.read_text() for entry in shipped.iterdir() if entry.name.endswith(".toml")}
    if folder is not None:
        if not folder.is_dir():
            raise BadConfig(f"RALLYPOINT_PARTNERS_CONFIG_DIR is no folder: {folder}")
        texts |= {path.name: path.read_text() for path in sorted(folder.glob("*.toml"))}
    configs = [_parse(name, text) for name, text in sorted(texts.items())]
    return {config.name: config for config in configs}


def _parse(name: str, text: str) -> PartnerConfig:
    try:
        return PartnerConfig.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadConfig(f"{name}: {where}: {first['msg']}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{name}: {error}") from None
