"""Events as Graph shows them: in the zone and the kind of text that a request prefers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from rallypoint.testing.microsoft.errors import invalid
from rallypoint.testing.microsoft.events import Resource, etag_of
from rallypoint.testing.microsoft.times import moment_of, shown, stamp, zone_of

_PREFERENCE = re.compile(r'\s*([\w.-]+)\s*(?:=\s*(?:"([^"]*)"|([^,\s]*)))?\s*(?:,|$)')
_TAGS = re.compile(r"<[^<>]*>")
_ABBREVIATED = ("id", "seriesMasterId", "type", "start", "end")
_PRIVATE = ("singleValueExtendedProperties",)  # shown when expanded alone


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a request's ``Prefer`` asks for (RFC 7240).

    Args:
        zone: Times are shown in.
        text: Whether bodies are shown as plain text.
        page_size: Of lists.
    """

    zone: str = "UTC"
    text: bool = False
    page_size: int = 10

    @classmethod
    def of(cls, header: str) -> Preferences:
        """Read a header.

        Raises:
            Refusal: The zone or the size is none.
        """
        given = {name: quoted or plain for name, quoted, plain in _PREFERENCE.findall(header) if name}
        zone, size = given.get("outlook.timezone", "UTC"), given.get("odata.maxpagesize", "10")
        zone_of(zone)
        if not size.isdigit() or not 0 < int(size) <= 1000:
            raise invalid("odata.maxpagesize is not valid.")
        return cls(zone, given.get("outlook.body-content-type") == "text", int(size))


def whole(event: Resource, wanted: Preferences) -> Resource:
    """Return an event with everything that Graph shows of it unasked."""
    hidden = [name for name in event if name.startswith("_") or name in _PRIVATE]
    plain = {name: value for name, value in event.items() if name not in hidden}
    return {
        "@odata.etag": etag_of(event),
        **plain,
        "createdDateTime": stamp(event["_created"]),
        "lastModifiedDateTime": stamp(event["_updated"]),
        "start": _time(event, "start", wanted.zone),
        "end": _time(event, "end", wanted.zone),
        "body": _body(event["body"], wanted),
        "bodyPreview": event["body"]["content"][:255],
        "onlineMeeting": None if event["_looks"] > 0 else event["onlineMeeting"],
    }


def in_delta(event: Resource, wanted: Preferences) -> Resource:
    """Return an event as a delta lists it: of plain occurrences little more than their times."""
    full = {"@odata.type": "#microsoft.graph.event", **whole(event, wanted)}
    if event["type"] != "occurrence":
        return full
    return {name: full[name] for name in ("@odata.type", "@odata.etag", *_ABBREVIATED)}


def span(event: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return when an event is."""
    return moment_of(event["start"], "Start"), moment_of(event["end"], "End")


def _time(event: Resource, name: str, zone: str) -> dict[str, str]:
    if event["isAllDay"]:  # days are the same in every zone
        return {"dateTime": f"{event[name]['dateTime'][:10]}T00:00:00.0000000", "timeZone": zone}
    return shown(moment_of(event[name], name), zone)


def _body(body: Mapping[str, str], wanted: Preferences) -> dict[str, str]:
    """Return a body; Outlook keeps HTML, and turns texts into it."""
    is_text = str(body["contentType"]).lower() == "text"
    if wanted.text:
        return {
            "contentType": "text",
            "content": body["content"] if is_text else _TAGS.sub("", body["content"]),
        }
    content = (
        f"<html><body><div>{escape(body['content'])}</div></body></html>" if is_text else body["content"]
    )
    return {"contentType": "html", "content": content}
