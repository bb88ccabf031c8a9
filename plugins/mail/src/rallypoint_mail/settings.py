"""The operator's settings: variables ``RALLYPOINT_MAIL_…``, most of them with the name that is usual elsewhere."""

from __future__ import annotations

from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import ip_address
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator

from rallypoint.sdk import PluginSettings

URL = r"^https?://\S+$"


def _named(name: str, *others: str) -> AliasChoices:
    return AliasChoices(f"RALLYPOINT_MAIL_{name}", *others)


class MailSettings(PluginSettings):
    """Who sends, over what, and to whom besides."""

    sender: str = Field(
        "",
        max_length=300,
        validation_alias=_named("FROM"),
        description="From of every message; appointments@ the host of RALLYPOINT_PUBLIC_URL when empty",
    )
    invitations: Literal["automatic", "on-request"] = Field(
        "automatic", description="Whether appointments with a customer's address are announced by themselves"
    )
    copy_practitioner: bool = Field(True, description="Whether the practitioner gets the invitations too")

    settle_seconds: float = Field(
        10.0, ge=0, le=3600, description="Seconds in which changes of an appointment become one message"
    )

    smtp_host: str = Field("localhost", min_length=1, max_length=253, description="Mail server")
    smtp_port: int = Field(0, ge=0, le=65535, description="0 for the usual one: 25, 465 or 587")
    smtp_security: Literal["auto", "starttls", "tls", "none"] = Field(
        "auto", description="auto: none on this machine, tls on port 465, starttls otherwise"
    )
    smtp_username: str = Field("", max_length=300, description="Empty to send without signing in")
    smtp_password: SecretStr = Field(SecretStr(""), description="Belongs to the user name")
    smtp_ca_file: str = Field("", description="Certificates to trust in place of the system's (PEM)")

    sendgrid_api_key: SecretStr = Field(
        SecretStr(""), validation_alias=_named("SENDGRID_API_KEY", "SENDGRID_API_KEY"), description="Key"
    )
    sendgrid_url: str = Field("https://api.sendgrid.com/v3", pattern=URL, description="Base URL of its API")

    mailgun_api_key: SecretStr = Field(
        SecretStr(""), validation_alias=_named("MAILGUN_API_KEY", "MAILGUN_API_KEY"), description="Key"
    )
    mailgun_domain: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.-]*$",
        validation_alias=_named("MAILGUN_DOMAIN", "MAILGUN_DOMAIN"),
        description="The domain it sends for",
    )
    mailgun_url: str = Field(
        "https://api.mailgun.net/v3", pattern=URL, description="Base URL; api.eu.mailgun.net in Europe"
    )

    ses_region: str = Field(
        "us-east-1",
        pattern=r"^[a-z0-9-]+$",
        validation_alias=_named("SES_REGION", "AWS_REGION"),
        description="Region",
    )
    ses_access_key_id: str = Field(
        "", validation_alias=_named("SES_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"), description="Of its credential"
    )
    ses_secret_access_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=_named("SES_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        description="Of its credential",
    )
    ses_session_token: SecretStr = Field(
        SecretStr(""),
        validation_alias=_named("SES_SESSION_TOKEN", "AWS_SESSION_TOKEN"),
        description="Of a temporary credential",
    )
    ses_url: str = Field(
        "", pattern=r"^(https?://\S+)?$", description="Base URL; that of the region if empty"
    )

    service: Literal["smtp", "sendgrid", "mailgun", "ses"] = Field(
        "smtp",
        validation_alias=_named("SERVICE", "EMAIL_SERVICE"),
        description="What sends: smtp, sendgrid, mailgun or ses",
    )

    @property
    def smtp_is_local(self) -> bool:
        """Whether the mail server is this machine, so that nobody can listen in between."""
        try:
            return ip_address(self.smtp_host).is_loopback
        except ValueError:
            return self.smtp_host == "localhost"

    @field_validator("sender")
    @classmethod
    def _is_sender(cls, value: str) -> str:
        name, address = parseaddr(value)
        if value:
            try:
                Address(name, addr_spec=address)
                if not value.isprintable():
                    raise ValueError("control characters")
            except (ValueError, IndexError) as error:
                raise ValueError("must be an address such as Rallypoint <desk@example.com>") from error
        return value

    @field_validator("service", mode="before")
    @classmethod
    def _in_lower_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("service")
    @classmethod
    def _is_configured(cls, value: str, info: ValidationInfo) -> str:
        needed = {
            "sendgrid": ("sendgrid_api_key",),
            "mailgun": ("mailgun_api_key", "mailgun_domain"),
            "ses": ("ses_access_key_id", "ses_secret_access_key"),
        }
        missing = [name for name in needed.get(value, ()) if not _text(info.data.get(name))]
        if missing:
            names = " and ".join(f"RALLYPOINT_MAIL_{name.upper()}" for name in missing)
            raise ValueError(f"{value} needs {names}")
        return value


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")
