"""HTTP of integrations: the status of integrations.md, and the page with its files."""

from __future__ import annotations

from rallypoint.domains.integrations.api import PAGE, Viewer
from rallypoint.domains.integrations.pages import Pages
from rallypoint.domains.integrations.schemas import ActionForm, Form, Outcome, SignInForm, StatusOut
from rallypoint.domains.integrations.service import IntegrationService
from rallypoint.domains.integrations.sessions import SCOPE
from rallypoint.web.pages import see
from rallypoint.web.routing import Access, Call, Reply, Routes


def status_routes(service: IntegrationService) -> Routes:
    """Return the route of the status."""
    routes = Routes("/integrations", tag="integrations")

    @routes.add("GET", "/status", summary="How my integrations stand", replies={200: StatusOut})
    async def status(call: Call) -> Reply:
        return Reply({"success": True, "data": await service.status(Viewer.of(call.caller))})

    return routes


def _leads_to_the_page(routes: Routes, path: str) -> None:
    @routes.add("GET", path, summary="Go on to the page", replies={303: None}, access=Access.PUBLIC)
    async def go_on(_call: Call, **_variables: str) -> Reply:
        return see(PAGE)


def page_routes(pages: Pages) -> Routes:
    """Return the routes of the page. They know their user by cookie, so no token opens them."""
    routes = Routes(documented=False)
    public, html = Access.PUBLIC, {200: None}

    @routes.add("GET", PAGE, summary="My integrations", query=Outcome, replies=html, access=public)
    async def show(call: Call, *, query: Outcome) -> Reply:
        return await pages.show(call, query)

    @routes.add(
        "POST",
        f"{SCOPE}/sign-in",
        summary="Sign in to the page",
        form=SignInForm,
        replies=html,
        access=public,
        limit="login",
    )
    async def sign_in(call: Call, *, form: SignInForm) -> Reply:
        return await pages.sign_in(call, form)

    @routes.add(
        "POST", f"{SCOPE}/sign-out", summary="Sign out of the page", form=Form, replies=html, access=public
    )
    async def sign_out(call: Call, *, form: Form) -> Reply:
        return await pages.sign_out(call, form)

    @routes.add(
        "POST", f"{PAGE}/<key>/<action>", summary="Act on one", form=ActionForm, replies=html, access=public
    )
    async def act(call: Call, *, key: str, action: str, form: ActionForm) -> Reply:
        return await pages.act(call, key, action, form)

    # A form that is refused is shown at its own address, which somebody may load again.
    for path in (SCOPE, f"{SCOPE}/sign-in", f"{SCOPE}/sign-out", f"{PAGE}/<key>/<action>"):
        _leads_to_the_page(routes, path)
    return routes
