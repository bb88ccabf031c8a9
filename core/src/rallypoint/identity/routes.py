"""HTTP of identity: registration, session, me, personal API keys, invites; inbox.md has the contract."""

from __future__ import annotations

from rallypoint.errors import Unauthorized
from rallypoint.identity.accounts import Applicant
from rallypoint.identity.schemas import (
    ApiKeyBody,
    ApiKeyOut,
    InviteBody,
    InviteOut,
    LoginBody,
    MeOut,
    Nothing,
    RegistrationBody,
    RenewBody,
    SignedInOut,
)
from rallypoint.identity.service import Identity
from rallypoint.identity.users import user_by_id
from rallypoint.web.routing import Access, Call, Data, Reply, Routes


def identity_routes(identity: Identity) -> Routes:
    """Return the routes of identity."""
    routes = Routes("/api", tag="Accounts")
    _add_registration(routes, identity)
    _add_session(routes, identity)
    _add_caller(routes, identity)
    _add_api_keys(routes, identity)
    return routes


def _add_registration(routes: Routes, identity: Identity) -> None:
    @routes.add(
        "POST",
        "/registration",
        summary="Create an account and its administrator, or join one with an invite",
        body=RegistrationBody,
        replies={201: SignedInOut},
        errors=[403, 503],
        access=Access.PUBLIC,
        limit="public_writes",
    )
    async def register(_call: Call, *, body: RegistrationBody) -> Reply:
        applicant = Applicant(
            email=body.email,
            password=body.password,
            company_name=body.company_name or "",
            full_name=body.full_name,
            invite_token=body.invite_token,
            setup_token=body.setup_token,
        )
        return Reply(SignedInOut.of(await identity.accounts.register(applicant)), 201)

    @routes.add(
        "POST",
        "/user_invitations",
        summary="Invite somebody to the account; its id is the invite_token to register with, shown once",
        body=InviteBody,
        replies={201: Data[InviteOut]},
        errors=[403],
        idempotent=True,
    )
    async def invite(call: Call, *, body: InviteBody) -> Reply:
        made = await identity.invites.create(call.caller, body.role)
        return Reply(Data(data=InviteOut.of(made)), 201)


def _add_session(routes: Routes, identity: Identity) -> None:
    @routes.add(
        "POST",
        "/session",
        summary="Sign in",
        body=LoginBody,
        replies={200: SignedInOut},
        errors=[401, 503],
        access=Access.PUBLIC,
        limit="login",
    )
    async def login(_call: Call, *, body: LoginBody) -> Reply:
        return Reply(SignedInOut.of(await identity.sessions.login(body.email, body.password)))

    @routes.add(
        "POST",
        "/session/renew",
        summary="Trade a renew token, in Authorization or in the body, for new tokens; it holds once",
        body=RenewBody,
        replies={200: SignedInOut},
        errors=[401],
        access=Access.PUBLIC,
        limit="public_writes",
    )
    async def renew(call: Call, *, body: RenewBody) -> Reply:
        token = body.renew_token or _bearer(call.headers.get("authorization", ""))
        return Reply(SignedInOut.of(await identity.sessions.renew(token)))

    @routes.add("DELETE", "/session", summary="Sign out", replies={200: Data[Nothing]}, errors=[400])
    async def logout(call: Call) -> Reply:
        await identity.sessions.close(call.caller)
        return Reply(Data(data=Nothing()))


def _bearer(header: str) -> str:
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else header.strip()


def _add_caller(routes: Routes, identity: Identity) -> None:
    @routes.add("GET", "/me", summary="Who the credential stands for", replies={200: MeOut})
    async def me(call: Call) -> Reply:
        user = await user_by_id(identity.database, call.caller.user_id)
        if user is None:
            raise Unauthorized("The user of this credential is gone")
        return Reply(MeOut.of_caller(user, call.caller.mode))


def _add_api_keys(routes: Routes, identity: Identity) -> None:
    keys = identity.api_keys

    @routes.add("GET", "/personal_api_keys", summary="List API keys", replies={200: Data[list[ApiKeyOut]]})
    async def list_keys(call: Call) -> Reply:
        return Reply(Data(data=[ApiKeyOut.of(key) for key in await keys.all(call.caller)]))

    @routes.add(
        "POST",
        "/personal_api_keys",
        summary="Create an API key, live or sandbox; its value is shown this once",
        body=ApiKeyBody,
        replies={201: Data[ApiKeyOut]},
        errors=[409],
        idempotent=True,
    )
    async def create_key(call: Call, *, body: ApiKeyBody) -> Reply:
        key, value = await keys.create(call.caller, body.label, sandbox=body.sandbox)
        location = {"Location": f"/api/personal_api_keys/{key.id}"}
        return Reply(Data(data=ApiKeyOut.of(key, value)), 201, location)

    path = "/personal_api_keys/<key_id>"

    @routes.add("GET", path, summary="Show an API key", replies={200: Data[ApiKeyOut]}, errors=[404])
    async def show_key(call: Call, *, key_id: str) -> Reply:
        return Reply(Data(data=ApiKeyOut.of(await keys.get(call.caller, key_id))))

    @routes.add("DELETE", path, summary="Revoke an API key", replies={204: None}, errors=[404])
    async def revoke_key(call: Call, *, key_id: str) -> Reply:
        await keys.revoke(call.caller, key_id)
        return Reply(status=204)
