"""How an exception reads to an operator, and what a plugin's exceptions mean to callers of the API."""

from __future__ import annotations

import traceback
from pathlib import Path

from rallypoint.errors import (
    ApiError,
    BadConfig,
    BadRequest,
    Conflict,
    NeedsReauth,
    PluginError,
    RetryLater,
    Unavailable,
)
from rallypoint.plugins.status import Status

DEFAULT_RETRY_SECONDS = 30

REMEDIES: dict[str, str] = {
    "manifest": "correct the plugin's plugin.toml, or uninstall its distribution; then restart",
    "import": "upgrade or uninstall the distribution, then restart",
    "settings": "set the named variables, then restart",
    "registration": "upgrade the distribution or report the bug to its author, then restart",
    "check": "remove one of the two that collide, then restart",
    "migration": "upgrade the distribution or restore a backup, then restart",
}
CRASH_REMEDY = "upgrade or uninstall the distribution, or run `rallypoint plugin resume {name}`; then restart"
QUARANTINE_REMEDY = "see the log, then run `rallypoint plugin resume {name}`"


_HERE = Path(__file__).parent


class PluginFailed(Exception):
    """A plugin's code failed in a way it did not foresee; counted against its budget already.

    Args:
        plugin: Whose code.
        what: The hook, task or route.
        reason: For the operator.
    """

    def __init__(self, plugin: str, what: str, reason: str) -> None:
        super().__init__(f"{plugin}: {what}: {reason}")
        self.plugin, self.what, self.reason = plugin, what, reason


def describe(error: BaseException) -> str:
    """Return an exception's type, message and place in one line."""
    text = " ".join(str(error).split())
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent != _HERE
    ]
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


def status_of(error: PluginError) -> Status:
    """Return the status that a plugin's own error puts it in."""
    if isinstance(error, BadConfig):
        return "needs_config"
    if isinstance(error, NeedsReauth):
        return "needs_reauth"
    return "retrying" if isinstance(error, RetryLater) else "degraded"


def remedy_of(error: PluginError) -> str:
    """Return what an operator does about a plugin's own error."""
    if isinstance(error, BadConfig):
        return REMEDIES["settings"]
    if isinstance(error, NeedsReauth):
        return "the owner of the connection signs in again"
    return "none needed: it is tried again" if isinstance(error, RetryLater) else "see the plugin's log"


def as_api_error(error: PluginError) -> ApiError:
    """Return what the caller of a route is told when the plugin behind it raised one of its own errors."""
    if isinstance(error, RetryLater):
        wait = DEFAULT_RETRY_SECONDS if error.after is None else max(1, round(error.after))
        return Unavailable(str(error), headers={"Retry-After": str(wait)})
    if isinstance(error, NeedsReauth):
        return Conflict(str(error) or "The connection must be authorised again", code="NEEDS_REAUTH")
    if isinstance(error, BadConfig):
        return Unavailable("This integration is not configured", code="NOT_CONFIGURED")
    return BadRequest(str(error) or "This cannot be done", code="REFUSED")
