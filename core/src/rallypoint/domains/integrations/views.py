"""Data made into pages: templates that escape everything, and words for states and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from rallypoint.domains.integrations.api import PAGE, Action, State
from rallypoint.domains.integrations.histories import Line
from rallypoint.domains.integrations.schemas import Outcome
from rallypoint.domains.integrations.service import Shown
from rallypoint.domains.integrations.sessions import SCOPE, Flash, Session
from rallypoint.storage import clock
from rallypoint.web.assets import Assets
from rallypoint.web.pages import STYLE

ASSETS = Assets(Path(__file__).parent / "static", f"{SCOPE}/assets")

_WORDS: Mapping[State, str] = {
    "connected": "Connected",
    "needs_reauth": "Needs attention",
    "not_connected": "Not connected",
    "unavailable": "Not available just now",
}
_GROUPS: tuple[tuple[str, frozenset[State]], ...] = (
    ("Needs attention", frozenset({"needs_reauth", "unavailable"})),
    ("Connected", frozenset({"connected"})),
    ("Available", frozenset({"not_connected"})),
)
_STEPS = ((clock.DAY, "day"), (clock.HOUR, "hour"), (clock.MINUTE, "minute"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A form that was sent and not taken, to be shown again.

    Args:
        key: Of the integration.
        action: Of its section.
        problems: Messages by field.
        sent: What was typed; never shown again in a password field.
    """

    key: str = ""
    action: str = ""
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sent: Mapping[str, str] = field(default_factory=dict)


def ago(at: int, now: int | None = None) -> str:
    """Return how long ago something was, in words; a time to come is ``in … ``."""
    past = (clock.now() if now is None else now) - at
    for length, unit in _STEPS:
        if abs(past) >= length:
            count = abs(past) // length
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if past > 0 else f"in {words}"
    return "just now"


def moment(at: int) -> str:
    """Return a time for people, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%-d %b %Y, %H:%M UTC")


class Views:
    """The pages, as text."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("rallypoint.domains.integrations"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(ago=ago, moment=moment, rfc3339=clock.rfc3339)
        self._templates.globals.update(
            page=PAGE, scope=SCOPE, words=_WORDS, style=STYLE.url, asset=ASSETS.url
        )

    def sign_in(
        self, *, token: str, outcome: Outcome, flash: Flash | None = None, problem: str = "", email: str = ""
    ) -> str:
        """Return the page that asks who is there.

        Args:
            token: Which the form must come back with.
            outcome: To be shown afterwards.
            flash: A message to show now.
            problem: Why the last try failed.
            email: As typed in the last try.
        """
        return self._render(
            "sign_in.html",
            session=None,
            token=token,
            outcome=outcome,
            flash=flash,
            problem=problem,
            email=email,
        )

    def integrations(
        self,
        session: Session,
        shown: Sequence[Shown],
        *,
        flash: Flash | None = None,
        refusal: Refusal | None = None,
        histories: Mapping[str, Sequence[Line]],
    ) -> str:
        """Return the page of all integrations.

        Args:
            session: Whose.
            shown: Their sections.
            flash: A message, in its integration's section when it is about one.
            refusal: A form to be shown again.
            histories: What happened to connections, by service.
        """
        groups = [
            (name, [item for item in shown if item.section.state in states]) for name, states in _GROUPS
        ]
        return self._render(
            "integrations.html",
            session=session,
            groups=[(name, items) for name, items in groups if items],
            flash=flash,
            keys={item.key for item in shown},
            refusal=refusal or Refusal(),
            histories=histories,
        )

    def confirm(self, session: Session, key: str, action: Action, values: Mapping[str, str]) -> str:
        """Return the page that asks an action's question."""
        return self._render("confirm.html", session=session, key=key, action=action, values=values)

    def leaving(self, session: Session, address: str) -> str:
        """Return the page that sends the browser on to another site.

        A redirect in reply to a form would do, but for browsers that apply ``form-action`` to where it leads.
        """
        return self._render("leaving.html", session=session, address=address)

    def _render(self, name: str, **values: object) -> str:
        return self._templates.get_template(name).render(values)
