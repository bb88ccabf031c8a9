"""Routes as data: what a domain or plugin declares, and the core mounts, documents, limits and gates."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from werkzeug.http import parse_cookie

from rallypoint.identity.api import Principal

T = TypeVar("T")

VARIABLE = re.compile(r"<(\w+)>")


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"
    PRINCIPAL = "principal"
    OPERATOR = "operator"


class Data(BaseModel, Generic[T]):
    """``{"data": …}``."""

    data: T


class Page(BaseModel, Generic[T]):
    """``{"data": […], "next": cursor}``; ``next`` is null on the last page."""

    data: list[T]
    next: str | None = None


class Done(BaseModel):
    """``{"success": true, "message": …}``."""

    success: bool = True
    message: str


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie for the browser: out of reach of scripts, and not sent along by other sites' forms.

    Args:
        name: Of the cookie.
        value: Empty together with ``max_age`` 0 to delete it.
        path: Below which it is sent.
        max_age: Seconds it lives; None until the browser is closed.
        secure: Sent over https alone.
    """

    name: str
    value: str
    path: str
    max_age: int | None = None
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers.

    Args:
        body: A pydantic model, JSON-able data, or bytes that are JSON already; None for an empty body.
        status: One of the route's documented replies.
        headers: Extra headers.
        content_type: Of a body that is bytes and not JSON.
        cookies: Set by the reply.
    """

    body: BaseModel | Mapping[str, Any] | Sequence[Any] | bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cookies: Sequence[Cookie] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a handler sees it.

    Args:
        principal: Who calls; None on public routes without a credential.
        client: The client's address, seen through trusted proxies only.
        headers: Names in lower case.
        raw: The body's bytes, as signatures are made over them; empty for GET.
        request_id: As logged and returned in ``X-Request-Id``.
        repeat_id: On routes that call a provider, a UUID that is the same for every repetition of a request with an
            ``Idempotency-Key``: what the provider should know the request by. Empty elsewhere.
    """

    principal: Principal | None
    client: str
    headers: Mapping[str, str]
    raw: bytes
    request_id: str
    repeat_id: str = ""

    @property
    def caller(self) -> Principal:
        """The principal of a route that demands one."""
        if self.principal is None:
            raise RuntimeError("a public route asked for its caller")
        return self.principal

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that came along, by name."""
        return parse_cookie(self.headers.get("cookie"))


Handler = Callable[..., Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A key in a header of its own, by which routes know their caller instead of ``Authorization``.

    Args:
        header: Its name, as documented.
        identify: Returns whom a key stands for, asked for each request; limits and ``Idempotency-Key`` go by the
            principal's ``credential_id``. Raises ``Unauthorized``.
        summary: Where the key comes from, for the documentation.
    """

    header: str
    identify: Callable[[str], Awaitable[Principal]]
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One documented operation.

    Args:
        method: Upper case.
        path: From the root, variables as ``<name>``; handed to the handler as keyword arguments (strings).
        handler: ``async (call, *, <path variables>, body=…, query=…, form=…) -> Reply``.
        summary: One line for the OpenAPI document.
        replies: Model by status of every success; None for an empty body.
        body: Model of the JSON body, validated before the handler runs; absent bodies count as ``{}``.
        query: Model of the query string.
        errors: Statuses it may answer beyond those that every route of its access has.
        access: Who may call it.
        limit: Name of a limit in ``web.limits``.
        idempotent: Honour ``Idempotency-Key``: the handler then runs inside one transaction, so it must not
            await the network, unless ``outside``.
        outside: The handler calls a provider: it runs outside any transaction, and what it asks for bears
            ``call.repeat_id``.
        tag: Groups operations in the documentation.
        form: Model of a body that an HTML form sends; instead of ``body``.
        documented: Whether the OpenAPI document shows it; pages are for people.
        key: How callers show who they are; ``Authorization`` when left out.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    replies: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    errors: frozenset[int] = frozenset()
    access: Access = Access.PRINCIPAL
    limit: str = "api"
    idempotent: bool = False
    tag: str = ""
    form: type[BaseModel] | None = None
    documented: bool = True
    outside: bool = False
    key: HeaderKey | None = None


class Routes(list[Route]):
    """Routes under one prefix, collected by decorators.

    Args:
        prefix: Put before every path.
        tag: Of each route.
        limit: Of each route that names none.
        documented: Whether the OpenAPI document shows them.
        key: How callers show who they are; ``Authorization`` when left out.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        tag: str = "",
        limit: str = "api",
        documented: bool = True,
        key: HeaderKey | None = None,
    ) -> None:
        super().__init__()
        self._key = key
        self._prefix, self._tag, self._limit, self._documented = prefix, tag, limit, documented

    def add(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        replies: Mapping[int, type[BaseModel] | None],
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        form: type[BaseModel] | None = None,
        errors: Sequence[int] = (),
        access: Access = Access.PRINCIPAL,
        limit: str | None = None,
        idempotent: bool = False,
        outside: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare the decorated function as the handler of ``method path``; see :class:`Route`."""

        def declare(handler: Handler) -> Handler:
            self.append(
                Route(
                    method=method,
                    path=self._prefix + path,
                    handler=handler,
                    summary=summary,
                    replies=replies,
                    body=body,
                    query=query,
                    errors=frozenset(errors),
                    access=access,
                    limit=limit or self._limit,
                    idempotent=idempotent,
                    outside=outside,
                    tag=self._tag,
                    form=form,
                    documented=self._documented,
                    key=self._key,
                )
            )
            return handler

        return declare
