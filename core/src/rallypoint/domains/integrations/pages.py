"""The page ``/settings/integrations``: shown to who is signed in, changed by forms that it alone can send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rallypoint.domains.integrations.api import PAGE, Action, Viewer
from rallypoint.domains.integrations.forms import read_form
from rallypoint.domains.integrations.outcomes import flash_of, query_of
from rallypoint.domains.integrations.schemas import ActionForm, Form, Outcome, SignInForm
from rallypoint.domains.integrations.service import IntegrationService
from rallypoint.domains.integrations.sessions import Flash, Session, Sessions
from rallypoint.domains.integrations.views import Refusal, Views
from rallypoint.errors import ApiError, ValidationFailed
from rallypoint.web.pages import page, see
from rallypoint.web.routing import Call, Cookie, Reply

_EXPIRED = Flash("You were signed out, so nothing was done. Sign in and try again.", good=False)


class Pages:
    """What the routes of the page do.

    Args:
        service: Knows the integrations.
        sessions: Knows who is there.
    """

    def __init__(self, service: IntegrationService, sessions: Sessions) -> None:
        self._service, self._sessions, self._views = service, sessions, Views()

    async def show(self, call: Call, outcome: Outcome) -> Reply:
        """Show the integrations, or ask who is there."""
        flash, taken = self._sessions.take_flash(call)
        session = await self._sessions.open(call)
        if session is None:
            return self._ask(call, outcome, flash=flash, cookies=taken)
        return await self._show(session, flash=flash or self._told(outcome), cookies=taken)

    async def sign_in(self, call: Call, form: SignInForm) -> Reply:
        """Sign in, and go on to the integrations."""
        self._sessions.check_form(call, form.csrf)
        outcome = Outcome(success=form.success, error=form.error, service=form.service)
        try:
            cookie = await self._sessions.sign_in(form.email, form.password)
        except ApiError as error:
            return self._ask(call, outcome, problem=error, email=form.email)
        return see(PAGE + query_of(outcome), cookies=[cookie])

    async def sign_out(self, call: Call, form: Form) -> Reply:
        """End the session."""
        session = await self._sessions.open(call)
        if session is None:
            return see(PAGE)
        self._sessions.check_form(call, form.csrf, session.csrf)
        done = self._sessions.leave_flash(Flash("You are signed out."))
        return see(PAGE, cookies=[await self._sessions.sign_out(session), done])

    async def act(self, call: Call, key: str, name: str, form: ActionForm) -> Reply:
        """Do what a section's form asks for; ask first where the action wants that."""
        session = await self._sessions.open(call)
        if session is None:
            return see(PAGE, cookies=[self._sessions.leave_flash(_EXPIRED)])
        self._sessions.check_form(call, form.csrf, session.csrf)
        viewer = Viewer.of(session.principal)
        try:
            action = await self._service.offered(viewer, key, name)
            return await self._act(session, viewer, key, action, form)
        except ValidationFailed as error:
            refusal = Refusal(key, name, error.fields, form.values)
            return await self._show(session, refusal=refusal, status=400)
        except ApiError as error:
            return self._back(session, Flash(error.message, key, good=False))

    async def _act(
        self, session: Session, viewer: Viewer, key: str, action: Action, form: ActionForm
    ) -> Reply:
        if action.confirm and form.confirmed != "yes":
            values = read_form(action, form.values)
            return page(self._views.confirm(session, key, action, values), cookies=session.cookies)
        went = await self._service.act(viewer, key, action, form.values)
        if went.go_to:
            return page(self._views.leaving(session, went.go_to), cookies=session.cookies)
        return self._back(session, Flash(went.message, key))

    def _told(self, outcome: Outcome) -> Flash | None:
        entries = self._service.catalogue.entries.values()
        titles = {entry.source.service: entry.source.title for entry in entries if entry.source.service}
        return flash_of(outcome, titles)

    def _back(self, session: Session, flash: Flash) -> Reply:
        cookies = [*session.cookies, *([self._sessions.leave_flash(flash)] if flash.message else [])]
        return see(
            f"{PAGE}#i-{flash.key}" if flash.key in self._service.catalogue.entries else PAGE, cookies=cookies
        )

    def _ask(
        self,
        call: Call,
        outcome: Outcome,
        *,
        flash: Flash | None = None,
        problem: ApiError | None = None,
        email: str = "",
        cookies: Sequence[Cookie] = (),
    ) -> Reply:
        token, cookie = self._sessions.form_token(call)
        html = self._views.sign_in(
            token=token,
            outcome=outcome,
            flash=flash,
            problem=problem.message if problem else "",
            email=email,
        )
        reply = page(html, problem.status if problem else 200, cookies=[cookie, *cookies])
        return reply if problem is None else replace(reply, headers={**reply.headers, **problem.headers})

    async def _show(
        self,
        session: Session,
        *,
        flash: Flash | None = None,
        refusal: Refusal | None = None,
        status: int = 200,
        cookies: Sequence[Cookie] = (),
    ) -> Reply:
        viewer = Viewer.of(session.principal)
        shown = await self._service.sections(viewer)
        past = await self._service.histories(viewer)
        html = self._views.integrations(session, shown, flash=flash, refusal=refusal, histories=past)
        return page(html, status, cookies=[*session.cookies, *cookies])
