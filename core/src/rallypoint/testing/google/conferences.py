"""Google Meet conferences of events, made at once or, as happens, a moment later.

https://developers.google.com/workspace/calendar/api/guides/create-events#conferencing
"""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from typing import Any

from rallypoint.testing.google.errors import invalid

_KEY = {"type": "hangoutsMeet"}


class Conferences:
    """Makes conferences.

    Attributes:
        pending: How many reads of an event a conference takes until it is there.
    """

    def __init__(self) -> None:
        self.pending = 0
        self._left: dict[str, int] = {}
        self._made: dict[str, dict[str, Any]] = {}

    def asked(self, body: Mapping[str, Any], before: Mapping[str, Any], version: int) -> dict[str, Any]:
        """Return an event's body with the conference that it will have.

        Args:
            body: As sent.
            before: The event as it was.
            version: ``conferenceDataVersion``; 0 neither makes nor removes one.

        Raises:
            Refusal: The conference cannot be made.
        """
        plain = {name: value for name, value in body.items() if name != "conferenceData"}
        if not version or "conferenceData" not in body:
            kept = before.get("conferenceData")
            return {**plain, "conferenceData": kept} if kept else plain
        wanted = body["conferenceData"]
        if wanted is None:
            return {**plain, "conferenceData": None}
        request = wanted.get("createRequest")
        if request is None or "entryPoints" in wanted:
            return dict(body)
        return {**plain, "conferenceData": self._made_for(request)}

    def shown(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return an event as Google replies with it: what was pending may be there by now."""
        request = (event.get("conferenceData") or {}).get("createRequest")
        if request is None:
            return event
        left = self._left.get(request["requestId"], 0)
        if left:
            self._left[request["requestId"]] = left - 1
            return {**event, "conferenceData": {"createRequest": _with_status(request, "pending")}}
        data = event["conferenceData"]
        return {**event, "hangoutLink": data["entryPoints"][0]["uri"]}

    def _made_for(self, request: Mapping[str, Any]) -> dict[str, Any]:
        request_id = request.get("requestId", "")
        if not request_id or request.get("conferenceSolutionKey") != _KEY:
            raise invalid("Invalid conference type value.")
        if request_id not in self._made:
            self._left[request_id] = self.pending
            self._made[request_id] = _conference(request)
        return self._made[request_id]


def _conference(request: Mapping[str, Any]) -> dict[str, Any]:
    letters = ["".join(random.choices(string.ascii_lowercase, k=size)) for size in (3, 4, 3)]
    code = "-".join(letters)
    return {
        "createRequest": _with_status(request, "success"),
        "entryPoints": [
            {
                "entryPointType": "video",
                "uri": f"https://meet.google.com/{code}",
                "label": f"meet.google.com/{code}",
            },
            {
                "entryPointType": "phone",
                "uri": "tel:+1-415-555-0100",
                "label": "+1 415-555-0100",
                "pin": "123456789",
            },
        ],
        "conferenceSolution": {"key": _KEY, "name": "Google Meet"},
        "conferenceId": code,
    }


def _with_status(request: Mapping[str, Any], status: str) -> dict[str, Any]:
    return {**request, "status": {"statusCode": status}}
