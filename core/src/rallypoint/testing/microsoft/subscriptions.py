"""Change notifications: subscriptions, the handshake with their addresses, and the requests that Microsoft posts.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from yarl import URL

from rallypoint.testing.microsoft.errors import Refusal, invalid
from rallypoint.testing.microsoft.events import Calendar, Resource, etag_of
from rallypoint.testing.microsoft.times import stamp

_LONGEST = timedelta(minutes=10_080)
_LONGEST_STATE = 128
_RESOURCES = ("me/events", "/me/events", "me/calendar/events")
_FIELDS = {
    "changeType",
    "notificationUrl",
    "lifecycleNotificationUrl",
    "resource",
    "expirationDateTime",
    "clientState",
    "latestSupportedTlsVersion",
}
_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that stands."""

    id: str
    email: str
    body: Mapping[str, Any]
    ends: datetime

    def shown(self) -> dict[str, Any]:
        """Return it as Graph shows it, without its client state."""
        more = {"id": self.id, "expirationDateTime": stamp(self.ends), "creatorId": self.email}
        return {**self.body, **more, "clientState": None, "applicationId": _TENANT}


class Subscriptions:
    """All subscriptions, and the sending of their notifications.

    Attributes:
        insecure: Take plain http addresses too, which Microsoft does not.
        muted: Lose every notification from now on.
        lifetime: The longest that one lives.
        retry_seconds: Before a notification that was not taken is posted again; doubles.
        open: By id.
        sent: Every notification posted, oldest first.
        answers: The status of each post.
    """

    def __init__(self, insecure: bool = False) -> None:
        self.insecure, self.muted = insecure, False
        self.lifetime, self.retry_seconds = _LONGEST, 0.05
        self.open: dict[str, Subscription] = {}
        self.sent: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def create(self, email: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Open one, once its address has repeated a validation token.

        Raises:
            Refusal: It is not valid, or its address does not answer as it must.
        """
        ends = self._checked(body)
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            if name in body:
                await self._validate(str(body[name]))
        made = Subscription(str(uuid.uuid4()), email, dict(body), ends)
        self.open[made.id] = made
        return {**made.shown(), "clientState": body.get("clientState")}

    def renew(self, email: str, subscription_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Prolong one.

        Raises:
            Refusal: It is unknown, or the time is not valid.
        """
        found = self.find(email, subscription_id)
        if set(body) != {"expirationDateTime"}:
            raise invalid("Only the expirationDateTime can be changed.", "ValidationError")
        self.open[found.id] = replace(found, ends=self._until(body["expirationDateTime"]))
        return self.open[found.id].shown()

    def find(self, email: str, subscription_id: str) -> Subscription:
        """Return a user's subscription.

        Raises:
            Refusal: 404, also when it has ended.
        """
        found = self.open.get(subscription_id)
        if found is None or found.email != email or found.ends <= datetime.now(UTC):
            raise Refusal(404, "ResourceNotFound", "The object was not found.")
        return found

    def remove(self, email: str, subscription_id: str) -> None:
        """End one.

        Raises:
            Refusal: 404.
        """
        del self.open[self.find(email, subscription_id).id]

    def changed(self, calendar: Calendar, event: Resource, change: str) -> None:
        """Notify whoever has subscribed to a calendar of a change."""
        for one in list(self.open.values()):
            wanted = str(one.body["changeType"]).split(",")
            if one.email == calendar.email and change in wanted and one.ends > datetime.now(UTC):
                self.send(one, **_change(event, change))

    def lifecycle(self, subscription: Subscription, event: str) -> None:
        """Tell of a subscription itself: ``reauthorizationRequired``, ``subscriptionRemoved`` or ``missed``."""
        if event == "subscriptionRemoved":
            self.open.pop(subscription.id, None)
        self.send(subscription, lifecycleEvent=event)

    def send(self, subscription: Subscription, times: int = 1, **fields: Any) -> None:
        """Post a notification, repeatedly or with other fields than it should have, if asked to."""
        if self.muted:
            return
        one = {
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": stamp(subscription.ends),
            "clientState": subscription.body.get("clientState"),
            "tenantId": _TENANT,
            **fields,
        }
        name = "lifecycleNotificationUrl" if "lifecycleEvent" in fields else "notificationUrl"
        for _ in range(times):
            self.sent.append(one)
            task = asyncio.create_task(self._post(str(subscription.body.get(name, "")), one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until everything has been posted."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Post nothing any more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _checked(self, body: Mapping[str, Any]) -> datetime:
        wrong = [name for name in body if name not in _FIELDS]
        needed = ("changeType", "notificationUrl", "resource", "expirationDateTime", "clientState")
        wrong += [name for name in needed if not isinstance(body.get(name), str)]
        if not set(str(body.get("changeType")).split(",")) <= {"created", "updated", "deleted"}:
            wrong.append("changeType")
        if len(str(body.get("clientState"))) > _LONGEST_STATE or body.get("resource") not in _RESOURCES:
            wrong.append("clientState or resource")
        if wrong:
            raise invalid(f"The property {wrong[0]} is not valid.", "ValidationError")
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            if not str(body.get(name, "https")).startswith("http" if self.insecure else "https"):
                raise invalid("Notification endpoint must start with 'https'.", "ValidationError")
        return self._until(body["expirationDateTime"])

    def _until(self, text: Any) -> datetime:
        try:
            wanted = datetime.fromisoformat(str(text)).astimezone(UTC)
        except ValueError:
            raise invalid("The expirationDateTime is no time.", "ValidationError") from None
        now = datetime.now(UTC)
        if not now < wanted <= now + _LONGEST + timedelta(minutes=1):
            raise invalid(
                "Subscription expiration can only be 10080 minutes in the future.", "ValidationError"
            )
        return min(wanted, now + self.lifetime)

    async def _validate(self, address: str) -> None:
        token = f"Validation: Testing client application reachability for {uuid.uuid4()} & more"
        url = URL(address).update_query(validationToken=token)
        try:
            async with self._client().post(url, headers={"Content-Type": "text/plain"}, data=b"") as reply:
                is_text = reply.content_type == "text/plain"
                if reply.status == 200 and is_text and await reply.text() == token:
                    return
        except (aiohttp.ClientError, TimeoutError):
            pass
        raise invalid("Subscription validation request failed.", "ValidationError")

    async def _post(self, address: str, one: Mapping[str, Any]) -> None:
        for attempt in range(_TRIES):
            try:
                async with self._client().post(address, json={"value": [one]}) as reply:
                    self.answers.append(reply.status)
                    if reply.status < 500:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(self.retry_seconds * 2**attempt)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        return self._session


def _change(event: Resource, change: str) -> dict[str, Any]:
    resource = f"Users/user/Events/{event['id']}"
    data = {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": resource, "@odata.etag": etag_of(event)}
    return {"changeType": change, "resource": resource, "resourceData": {**data, "id": event["id"]}}
