"""Broadcasts sent over HTTP, as ``supabase-js`` does from a channel that is not subscribed.

``POST /realtime/v1/api/broadcast`` with ``{"messages": [{topic, event, payload}]}``, or ``POST
/realtime/v1/api/broadcast/<topic>/events/<event>`` with the payload; the answer is 202.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from rallypoint.errors import ApiError, BadRequest, Forbidden, NotFound, RateLimited, TooLarge, Unauthorized
from rallypoint.identity.api import Authenticator, Principal
from rallypoint.realtime.channel import Message, Refused
from rallypoint.realtime.connection import as_payload
from rallypoint.realtime.hub import Hub
from rallypoint.realtime.limits import Bucket
from rallypoint.realtime.outbound import Send
from rallypoint.realtime.supabase import clients_topic
from rallypoint.settings import Settings
from rallypoint.storage import clock

PATH = "/realtime/v1/api/broadcast"
MAX_MESSAGES = 100
MAX_BUCKETS = 10_000

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A broadcast to make."""

    name: str
    event: str
    payload: Any


class SupabaseBroadcast:
    """The ASGI application.

    Args:
        hub: Publishes.
        authenticator: Checks the token or key.
        settings: Limits and origins.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator, settings: Settings) -> None:
        self._hub = hub
        self._authenticator = authenticator
        self._settings = settings
        self._buckets: dict[str, Bucket] = {}

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Send) -> None:
        """Answer one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        cors = self._cors(headers.get("origin", ""))
        try:
            status = await self._answer(scope, headers, receive)
            await _reply(send, status, b"", cors)
        except ApiError as error:
            body = orjson.dumps({"error": error.message})
            await _reply(send, error.status, body, {**cors, **error.headers})

    async def _answer(self, scope: Mapping[str, Any], headers: Headers, receive: Any) -> int:
        if scope["method"] == "OPTIONS":
            return 204
        if scope["method"] != "POST":
            raise NotFound("Broadcasts are sent with POST")
        principal = await self._principal(headers)
        outgoing = _outgoing(_path(scope), await self._body(receive))
        for each in outgoing:
            await self._check(principal, each)
        for each in outgoing:
            self._publish(principal, each)
        return 202

    async def _principal(self, headers: Headers) -> Principal:
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        token = bearer or headers.get("apikey", "")
        if not token:
            raise Unauthorized("A token is needed")
        principal = await self._authenticator.authenticate(token)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.clear()
        rate, burst = self._settings.limit_socket_events, self._settings.limit_socket_burst
        if (
            not self._buckets.setdefault(principal.user_id, Bucket(rate, burst)).take()
            and self._settings.rate_limits
        ):
            raise RateLimited("Too many broadcasts", retry_after=1)
        return principal

    async def _body(self, receive: Any) -> Any:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if len(body) > self._settings.limit_socket_frame_bytes:
                raise TooLarge("The body is too large")
            if not event.get("more_body"):
                break
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadRequest("The body is not JSON") from None

    async def _check(self, principal: Principal, each: Outgoing) -> None:
        if self._hub.channels.find(each.name) is None:
            return
        try:
            await self._hub.authorize(principal, each.name)
        except Refused as refusal:
            raise Forbidden(f"You may not send to {each.name}: {refusal.reason}") from None

    def _publish(self, principal: Principal, each: Outgoing) -> None:
        payload = {"type": "broadcast", "event": each.event, "payload": each.payload}
        topic = clients_topic(self._hub, principal, each.name)
        self._hub.publish(Message(topic, "broadcast", payload, at=clock.now()))

    def _cors(self, origin: str) -> Headers:
        allowed = self._settings.cors_origins
        if origin not in allowed and "*" not in allowed:
            return {}
        return {
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "POST, OPTIONS",
            "access-control-allow-headers": "authorization, apikey, content-type, x-client-info",
            "vary": "Origin",
        }


def _path(scope: Mapping[str, Any]) -> str:
    """Return the path with its slashes inside names still escaped, where the server kept it."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if isinstance(raw, bytes) else str(scope["path"])


def _outgoing(path: str, body: Any) -> Sequence[Outgoing]:
    rest = path.removeprefix(PATH).strip("/").split("/")
    if rest == [""]:
        messages = as_payload(body).get("messages")
        if not isinstance(messages, list) or len(messages) > MAX_MESSAGES:
            raise BadRequest(f"messages must be a list of at most {MAX_MESSAGES}")
        return [_message(as_payload(message)) for message in messages]
    if len(rest) == 3 and rest[1] == "events":
        return [Outgoing(unquote(rest[0]), unquote(rest[2]), body)]
    raise NotFound("There is nothing here")


def _message(message: Mapping[str, Any]) -> Outgoing:
    name, event = message.get("topic"), message.get("event")
    if not isinstance(name, str) or not isinstance(event, str):
        raise BadRequest("A message needs a topic and an event")
    return Outgoing(name, event, message.get("payload"))


async def _reply(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    own = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in own.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
