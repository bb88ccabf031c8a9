"""All that others see of integrations: where the status of each comes from, and its section of the page.

A section is data. The domain renders and escapes it, guards its forms and runs its actions, so a plugin
writes no HTML.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from rallypoint.connections.consent import may_return
from rallypoint.identity.api import Mode, Principal

if TYPE_CHECKING:
    from rallypoint.plugins.context import PluginContext

PAGE = "/settings/integrations"

State = Literal["connected", "needs_reauth", "not_connected", "unavailable"]
Style = Literal["primary", "secondary", "danger"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose integrations are asked for.

    Args:
        user_id: UUIDv7.
        user_number: The same user's integer, as in ``user_7``.
    """

    account_id: str
    user_id: str
    mode: Mode
    user_number: int = 0

    @classmethod
    def of(cls, principal: Principal) -> Viewer:
        """Return the caller of a request as a viewer."""
        return cls(principal.account_id, principal.user_id, principal.mode, principal.user_number)


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a section.

    Args:
        label: What it tells.
        value: The text; plain.
        at: A time instead of a text, in milliseconds.
        copy: Offer to copy the value.
        secret: Hide the value until it is asked for, where scripts run.
    """

    label: str
    value: str = ""
    at: int | None = None
    copy: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """A field of an action's form.

    Args:
        name: As the action receives it: lower case letters, digits and ``_``; ``csrf`` and ``confirmed`` are
            taken.
        label: For people.
        kind: ``select`` needs ``choices``.
        value: What stands there at first.
        choices: Values and their labels; nothing else is taken.
        hint: One line below the field.
        required: Whether it may stay empty.
        max_length: Of what is typed, in characters.
    """

    name: str
    label: str
    kind: Literal["text", "password", "email", "url", "select"] = "text"
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    required: bool = True
    max_length: int = 500


@dataclass(frozen=True, slots=True)
class Went:
    """What came of an action.

    Args:
        message: One sentence, shown on the page.
        go_to: Address where the user goes on, such as a provider's consent page; absolute, and never taken
            from what the user sent.
    """

    message: str = ""
    go_to: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A button, with the fields that belong to it.

    Args:
        name: Of the action in its section: lower case letters, digits and ``-``.
        label: On the button.
        run: ``async (viewer, values) -> Went``; values by the names of ``fields``, checked. An ``ApiError``
            is shown to the user as it stands, a message for a field beside that field.
        fields: What the user fills in.
        confirm: A question to be answered before it runs; empty for none.
        style: ``danger`` for what takes something away.
    """

    name: str
    label: str
    run: Callable[[Viewer, Mapping[str, str]], Awaitable[Went]]
    fields: tuple[Input, ...] = ()
    confirm: str = ""
    style: Style = "secondary"


@dataclass(frozen=True, slots=True)
class Section:
    """An integration on the page, as one user sees it.

    Args:
        title: Its name.
        summary: One or two sentences: what it is for.
        state: Shown in words and colour.
        facts: What there is to know: account, last sync, …
        actions: What can be done now.
        notice: What to do when it needs attention.
        service: The connection whose history is shown; empty for none.
    """

    title: str
    summary: str = ""
    state: State = "not_connected"
    facts: tuple[Fact, ...] = ()
    actions: tuple[Action, ...] = ()
    notice: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class IntegrationSource:
    """An integration: its part of ``GET /integrations/status`` and of the page.

    A declared connection without a source has one made for it, keyed by its service's name in camelCase.

    Args:
        key: In camelCase, unique on the server: ``googleCalendar``.
        title: For people.
        service: The connection it is about, when it is about one.
        status: Its object in the status: ``connected`` and the fields that go with it; what is not connected
            is shown as ``{"connected": false}`` alone. Made from the connection when left out. Has two seconds.
        section: Its section of the page; made from the connection when left out. Has two seconds.
    """

    key: str
    title: str
    service: str = ""
    status: Callable[[Viewer], Awaitable[Mapping[str, Any]]] | None = None
    section: Callable[[Viewer], Awaitable[Section]] | None = None


class Integrations(Protocol):
    """For plugins that add to what is made from a connection; found with ``ctx.service(Integrations)``."""

    async def section(self, viewer: Viewer, service: str) -> Section:
        """Return the section made from a declared connection: connect, connect again, disconnect.

        Extend it with ``dataclasses.replace``.

        Raises:
            NotFound: No loaded plugin declares the service.
        """
        ...

    async def status(self, viewer: Viewer, service: str) -> dict[str, Any]:
        """Return the status object made from a connection: ``connected``, ``account``, ``needsReauth``.

        Raises:
            NotFound: No loaded plugin declares the service.
        """
        ...


def return_url(ctx: PluginContext, to: str = "", *, error: str = "") -> str:
    """Return where a provider's callback sends the browser: ``…?success=true`` or ``…?error=<error>``.

    Args:
        ctx: Of any plugin.
        to: The ``return_to`` of the flow. When there is none, or it is nowhere a browser may be sent, it is
            ``RALLYPOINT_INTEGRATIONS_URL``, and our own page when that is not set.
        error: Why it failed, such as ``google_auth_failed``; empty when it did not.
    """
    settings = ctx.kernel.settings
    wanted = to if to and may_return(to, settings) else settings.integrations_url or PAGE
    parts = urlsplit(f"{settings.own_url}{wanted}" if wanted.startswith("/") else wanted)
    outcome = urlencode({"error": error} if error else {"success": "true"})
    return urlunsplit(parts._replace(query=f"{parts.query}&{outcome}" if parts.query else outcome))
