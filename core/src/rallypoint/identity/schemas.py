"""Bodies and replies of identity's routes; field lists as in inbox.md and, beside them, papercups' own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema

from rallypoint.identity.api import Mode, Role
from rallypoint.identity.api_keys import ApiKey
from rallypoint.identity.invites import Invite
from rallypoint.identity.sessions import SignedIn
from rallypoint.identity.users import User
from rallypoint.security.passwords import MAX_LENGTH, MIN_LENGTH
from rallypoint.storage.clock import rfc3339, rfc3339_or_none
from rallypoint.web.fields import Body, Text


def _address(value: str) -> str:
    local, at, domain = value.strip().rpartition("@")
    if not (local and at and domain) or any(
        char.isspace() or not char.isprintable() for char in local + domain
    ):
        raise ValueError("must be an e-mail address")
    return value.strip()


Email = Annotated[
    Text,
    Field(max_length=254, examples=["agent@example.com"], json_schema_extra={"format": "email"}),
    AfterValidator(_address),
]
Name = Annotated[Text, Field(max_length=200)]
Secret = Annotated[Text, Field(max_length=200)]


class Wrapped(Body):
    """A body that comes as ``{"user": {…}}`` or flat; keys beside the wrapper are ignored."""

    wrapper: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, value: Any) -> Any:
        inner = value.get(cls.wrapper) if isinstance(value, dict) else None
        return inner if isinstance(inner, dict) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Document both forms, the wrapped one first."""
        flat = handler.resolve_ref_schema(handler(schema))
        wrapped = {"type": "object", "properties": {cls.wrapper: flat}, "required": [cls.wrapper]}
        return {"title": cls.__name__, "anyOf": [wrapped, flat]}


class RegistrationBody(Wrapped):
    """Who registers."""

    wrapper = "user"
    email: Email
    password: Annotated[str, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
    password_confirmation: str | None = None
    company_name: Name | None = None
    full_name: Name | None = None
    invite_token: Secret | None = None
    setup_token: Secret | None = None

    @field_validator("password_confirmation")
    @classmethod
    def _confirm(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value != info.data.get("password", value):
            raise ValueError("does not match password")
        return value


class LoginBody(Wrapped):
    """Who signs in."""

    wrapper = "user"
    email: Annotated[Text, Field(max_length=254, examples=["agent@example.com"])]
    password: Annotated[str, Field(max_length=1000)]


class RenewBody(Body):
    """The renew token, for who cannot send it as ``Authorization``."""

    renew_token: Secret | None = None


class ApiKeyBody(Wrapped):
    """A new key."""

    wrapper = "personal_api_key"
    label: Annotated[Name, Field(min_length=1)]
    sandbox: bool = False


class InviteBody(Wrapped):
    """A new invite."""

    wrapper = "user_invitation"
    role: Role = "user"


class UserOut(BaseModel):
    """A user; ``id`` is the integer of inbox and booking replies, ``uuid`` what rooms show as ``user_id``."""

    id: int
    object: Literal["user"] = "user"
    uuid: str
    email: str
    account_id: str
    role: Role
    full_name: str | None
    display_name: str | None
    profile_photo_url: str | None
    created_at: str
    disabled_at: str | None
    archived_at: str | None
    is_operator: bool

    @classmethod
    def of(cls, user: User) -> UserOut:
        """Render a row."""
        return cls(**_user_fields(user))


def _user_fields(user: User) -> dict[str, Any]:
    return {
        "id": user.number,
        "uuid": user.id,
        "email": user.email,
        "account_id": user.account_id,
        "role": user.role,
        "full_name": user.full_name,
        "display_name": user.display_name,
        "profile_photo_url": user.profile_photo_url,
        "created_at": rfc3339(user.created_at),
        "disabled_at": rfc3339_or_none(user.disabled_at),
        "archived_at": rfc3339_or_none(user.archived_at),
        "is_operator": user.is_operator,
    }


class SignedInData(BaseModel):
    """What papercups' own clients read."""

    user_id: int
    email: str
    account_id: str
    token: str
    renew_token: str


class SignedInOut(BaseModel):
    """The reply of registration, login and renewal: inbox.md's fields, and papercups' under ``data``."""

    user: UserOut
    token: str
    renew_token: str
    data: SignedInData

    @classmethod
    def of(cls, signed_in: SignedIn) -> SignedInOut:
        """Render a sign-in."""
        user, tokens = signed_in.user, {"token": signed_in.token, "renew_token": signed_in.renew_token}
        data = SignedInData(user_id=user.number, email=user.email, account_id=user.account_id, **tokens)
        return cls(user=UserOut.of(user), data=data, **tokens)


class MeData(UserOut):
    """The caller, and whether they work on live or sandbox data."""

    mode: Mode


class MeOut(MeData):
    """Flat, as inbox.md shows it, and under ``data``, as papercups does."""

    data: MeData

    @classmethod
    def of_caller(cls, user: User, mode: Mode) -> MeOut:
        """Render the caller."""
        fields = {**_user_fields(user), "mode": mode}
        return cls(**fields, data=MeData(**fields))


class ApiKeyOut(BaseModel):
    """A key; ``value`` is there once, in the reply that creates it."""

    id: str
    object: Literal["personal_api_key"] = "personal_api_key"
    label: str
    value: str | None
    prefix: str
    mode: Mode
    account_id: str
    user_id: int
    created_at: str
    last_used_at: str | None

    @classmethod
    def of(cls, key: ApiKey, value: str | None = None) -> ApiKeyOut:
        """Render a row, with the key itself when it is new."""
        return cls(
            id=key.id,
            label=key.label,
            value=value,
            prefix=key.prefix,
            mode=key.mode,
            account_id=key.account_id,
            user_id=key.user_number,
            created_at=rfc3339(key.created_at),
            last_used_at=rfc3339_or_none(key.last_used_at),
        )


class InviteOut(BaseModel):
    """An invite; ``id`` is the ``invite_token`` to register with, as in papercups, and shown this once."""

    id: str
    object: Literal["user_invitation"] = "user_invitation"
    role: Role
    expires_at: str

    @classmethod
    def of(cls, invite: Invite) -> InviteOut:
        """Render a new invite."""
        return cls(id=invite.token, role=invite.role, expires_at=rfc3339(invite.expires_at))


class Nothing(BaseModel):
    """``{}``."""
