"""How each plugin is doing: one vocabulary for the command line, the console and the API."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Literal

from rallypoint.plugins.redaction import hide
from rallypoint.storage import clock

Status = Literal[
    "disabled",
    "incompatible",
    "failed",
    "needs_config",
    "needs_reauth",
    "retrying",
    "degraded",
    "quarantined",
    "active",
]

# Which of several troubles is shown: the one that takes most away.
_SEVERITY: dict[Status, int] = {
    "active": 0,
    "degraded": 1,
    "retrying": 2,
    "needs_reauth": 3,
    "needs_config": 4,
    "quarantined": 5,
    "failed": 6,
    "incompatible": 7,
    "disabled": 8,
}
NOT_LOADED: frozenset[Status] = frozenset({"disabled", "incompatible", "failed"})
QUARANTINE = "quarantine"
_LASTING = {QUARANTINE, "startup"}  # nothing comes by that could clear these
ISSUE_LIFE = 2 * clock.HOUR
MAX_ISSUES = 50
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """A plugin as operators see it; nothing in it is secret.

    Args:
        name: Unique on the server.
        distribution: Which ``pip uninstall`` removes it.
        version: Of that distribution.
        title: For people.
        status: See :data:`Status`.
        stage: Where it went wrong: ``manifest``, ``import``, ``settings``, ``registration``, ``check``,
            ``migration``, or the name of a hook or task; empty when nothing did.
        reason: What went wrong.
        remedy: What to do about it.
        since: Milliseconds.
        capabilities: From its manifest.
        routes: ``METHOD /path`` each.
    """

    name: str
    distribution: str
    version: str
    title: str
    status: Status = "active"
    stage: str = ""
    reason: str = ""
    remedy: str = ""
    since: int = 0
    capabilities: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Issue:
    status: Status
    reason: str
    remedy: str
    since: int
    seen: int


class StatusBoard:
    """The statuses of one process's plugins; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, PluginStatus] = {}
        self._issues: dict[str, dict[str, _Issue]] = {}
        self._secrets: dict[str, tuple[str, ...]] = {}

    def keep_secret(self, name: str, secrets: tuple[str, ...]) -> None:
        """Take these texts out of every reason that is given for a plugin from now on."""
        self._secrets[name] = secrets

    def put(self, entry: PluginStatus) -> None:
        """Set what the loader found; earlier issues of the plugin are forgotten."""
        with self._lock:
            stamped = replace(
                entry, since=entry.since or clock.now(), reason=self._clean(entry.name, entry.reason)
            )
            self._entries[entry.name] = stamped
            self._issues[entry.name] = {}

    def report(self, name: str, status: Status, stage: str, reason: str, remedy: str) -> None:
        """Note trouble of a loaded plugin at one stage; it lasts until :meth:`clear`, or two hours unseen."""
        at = clock.now()
        with self._lock:
            issues = self._issues[name]
            known = issues.pop(stage, None)
            since = known.since if known and known.status == status else at
            issues[stage] = _Issue(status, self._clean(name, reason), remedy, since, at)
            if len(issues) > MAX_ISSUES:
                del issues[next(iter(issues))]

    def clear(self, name: str, stage: str) -> None:
        """Note that a stage works again."""
        with self._lock:
            self._issues.get(name, {}).pop(stage, None)

    def get(self, name: str) -> PluginStatus:
        """Return how a plugin is.

        Raises:
            KeyError: No such plugin was discovered.
        """
        with self._lock:
            entry, issues = self._entries[name], self._issues[name]
            oldest = clock.now() - ISSUE_LIFE
            fresh = [(stage, issue) for stage, issue in issues.items() if _lasts(stage, issue, oldest)]
        if entry.status in NOT_LOADED or not fresh:
            return entry
        stage, issue = max(fresh, key=lambda item: _SEVERITY[item[1].status])
        if _SEVERITY[issue.status] < _SEVERITY[entry.status]:
            return entry
        return replace(
            entry,
            status=issue.status,
            stage=stage,
            reason=issue.reason,
            remedy=issue.remedy,
            since=issue.since,
        )

    def _clean(self, name: str, reason: str) -> str:
        return hide(reason, self._secrets.get(name, ()))[:MAX_REASON]


def worst(statuses: list[PluginStatus]) -> PluginStatus:
    """Return the one of several processes' views of a plugin that an operator should see."""
    return max(statuses, key=lambda status: _SEVERITY[status.status])


def _lasts(stage: str, issue: _Issue, oldest: int) -> bool:
    return stage in _LASTING or issue.seen > oldest
