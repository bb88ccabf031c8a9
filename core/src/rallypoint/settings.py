"""The operator's settings: environment variables with the prefix ``RALLYPOINT_``, or ``.env``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Everything the core can be told; plugins have their own (``RALLYPOINT_<PLUGIN>_…``)."""

    model_config = SettingsConfigDict(env_prefix="RALLYPOINT_", env_file=".env", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on")
    data_dir: Path = Field(Path("var"), description="Folder of the database, the key and the lock")
    database_url: str = Field("", description="sqlite:// or postgres://; empty means SQLite in DATA_DIR")
    database_pool: int = Field(
        16, ge=2, le=500, description="Connections of one process to PostgreSQL: half for reads"
    )
    database_timeout: float = Field(
        30.0, gt=0, description="Seconds that one statement may take on PostgreSQL"
    )
    serve_jobs: bool = Field(
        False, description="Whether `rallypoint serve` on PostgreSQL runs jobs too; on SQLite it always does"
    )
    redis_url: str = Field("", description="redis://…, shared by several processes; empty for a single one")
    redis_prefix: str = Field(
        "rallypoint", min_length=1, description="Begins the name of every key and channel in Redis"
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="32 characters or more; made on first run with SQLite"
    )
    previous_secret_keys: SecretStr = Field(
        SecretStr(""),
        description="Older secret keys, separated by commas: what they encrypted stays readable",
    )
    public_url: str = Field("", description="How the world reaches this server; https turns HSTS on")
    integrations_url: str = Field(
        "",
        description="Where users come back to from a provider; empty for /settings/integrations of this server",
    )
    allow_private_targets: bool = Field(False, description="Webhooks may go to http and private addresses")
    rate_limits: bool = Field(True, description="Whether limits are in force")
    trusted_proxies: Names = Field((), description="Addresses or networks whose X-Forwarded-For is believed")
    cors_origins: Names = Field(("http://localhost:5173",), description="Web pages that may call the API")
    plugins: Names = Field((), description="Load these only")
    disabled_plugins: Names = Field((), description="Leave these out")
    strict_plugins: bool = Field(False, description="Refuse to start with a bad plugin")
    safe_mode: bool = Field(False, description="Load the core alone")
    registration: Literal["open", "invite", "closed"] = Field("open", description="Who may register")
    webhook_test_secret: SecretStr = Field(SecretStr(""), description="For POST /webhooks/test")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least that is logged"
    )
    log_format: Literal["console", "json"] = Field("console", description="For people or for machines")
    access_log: bool = Field(True, description="Log a line for each request, without its query string")
    metrics: Literal["loopback", "operator", "public"] = Field(
        "loopback", description="Who may read /metrics"
    )

    max_body_bytes: int = Field(1_000_000, ge=1024, description="Largest request body")
    limit_api: str = Field("100/minute", description="Rooms and integrations, for each key or user")
    limit_login: str = Field("10/minute", description="For each client address and e-mail address")
    limit_public_writes: str = Field(
        "30/minute", description="Unauthenticated writes, for each client address"
    )
    limit_mail: str = Field("300/hour", description="Messages asked for by request, for each key or user")
    limit_inbound: str = Field("3000/minute", description="Providers' webhooks, for each client address")
    limit_sockets_per_user: int = Field(50, ge=1, description="Sockets one user may have open")
    limit_topics_per_socket: int = Field(100, ge=1, description="Topics one socket may be on")
    limit_socket_events: float = Field(20.0, gt=0, description="Events a second from one socket, on average")
    limit_socket_burst: int = Field(60, ge=1, description="Events from one socket at once")
    limit_socket_frame_bytes: int = Field(100_000, ge=1024, description="Size of one frame from a client")

    socket_queue_frames: int = Field(
        1000, ge=1, description="Frames waiting for a slow client before it is cut"
    )
    socket_queue_bytes: int = Field(
        4_000_000, ge=1024, description="Bytes waiting for a slow client likewise"
    )
    socket_heartbeat_timeout: float = Field(
        75.0, gt=0, description="Seconds of silence after which a socket is taken for dead"
    )
    socket_authentication_timeout: float = Field(
        30.0, gt=0, description="Seconds in which a Socket.IO client must send its token"
    )
    socket_token_grace: float = Field(
        60.0, ge=0, description="Seconds an expired token's socket lives on to send a new one"
    )

    webhook_retries: int = Field(3, ge=0, le=20, description="Tries after the first one")
    webhook_retry_base: float = Field(
        5.0, gt=0, description="Seconds before the first retry; doubles each time"
    )
    webhook_retry_max: float = Field(
        3600.0, gt=0, description="Longest wait in seconds, Retry-After included"
    )
    webhook_timeout: float = Field(15.0, gt=0, description="Seconds for one attempt")
    webhook_disable_after: float = Field(
        5 * 86400.0, gt=0, description="Seconds of failing before a target is off"
    )

    retention_events: float = Field(
        30 * 86400.0, gt=0, description="Seconds; also how far back `since` reaches"
    )
    retention_attempts: float = Field(30 * 86400.0, gt=0, description="Seconds that deliveries are kept")
    retention_receipts: float = Field(
        30 * 86400.0, gt=0, description="Seconds that inbound webhooks are kept"
    )
    retention_idempotency: float = Field(86400.0, gt=0, description="Seconds that first replies are kept")

    hook_timeout: float = Field(10.0, gt=0, description="Seconds an asynchronous plugin hook may take")
    hook_block_timeout: float = Field(2.0, gt=0, description="Seconds a plugin may hold the event loop")
    load_timeout: float = Field(5.0, gt=0, description="Seconds a plugin may take to import and register")

    @field_validator("trusted_proxies", "cors_origins", "plugins", "disabled_plugins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @cached_property
    def embedded(self) -> bool:
        """Whether this is the one-machine default: SQLite in ``DATA_DIR``."""
        return not self.database_url or self.database_url.startswith("sqlite://")

    @property
    def own_url(self) -> str:
        """How the world reaches this server, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @cached_property
    def previous(self) -> tuple[Settings, ...]:
        """These settings with each of the previous secret keys in place of the current one."""
        keys = (key.strip() for key in self.previous_secret_keys.get_secret_value().split(","))
        return tuple(self.model_copy(update={"secret_key": SecretStr(key)}) for key in keys if key)

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes derived from ``SECRET_KEY`` for one purpose (HKDF-expand with one block, RFC 5869)."""
        key = self.secret_key.get_secret_value().encode()
        return hmac.new(key, f"rallypoint/{purpose}\x01".encode(), hashlib.sha256).digest()

    def derive_urlsafe(self, purpose: str) -> str:
        """Return :meth:`derive` in URL-safe base64, as Fernet takes its keys."""
        return base64.urlsafe_b64encode(self.derive(purpose)).decode()
