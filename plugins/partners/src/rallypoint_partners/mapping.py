"""A partner's session as a room, by the partner's field map."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from rallypoint.domains.rooms.api import ExternalParticipant, ExternalRoom
from rallypoint.sdk import PermanentFailure
from rallypoint_partners.config import FieldMap, PartnerConfig
from rallypoint_partners.pointer import resolve

_MAX_NAME, _MAX_DESCRIPTION, _MAX_TAGS, _MAX_PEOPLE, _MAX_ID = 200, 2000, 20, 1000, 200
_MAX_CAPACITY = 1000


def session_id(config: PartnerConfig, session: Any) -> str:
    """Return a session's id.

    Raises:
        PermanentFailure: It has none.
    """
    found = _text(resolve(session, config.fields.id), _MAX_ID + 1)
    if not found or len(found) > _MAX_ID:
        raise PermanentFailure(f"{config.title} sent a session without a usable id")
    return found


def room_of(
    config: PartnerConfig, session: Any, *, ended: bool = False, ours: Collection[str] = (), now: int = 0
) -> ExternalRoom:
    """Return the room of a session.

    Args:
        config: The partner.
        session: As it sent it.
        ended: Whether the event says that it is over; the session's own status may say so too.
        ours: Ids of participants whom we added ourselves: our own echo.
        now: Milliseconds, when somebody joined whose time of joining is not told.

    Raises:
        PermanentFailure: A field is not what the field map says.
    """
    fields, defaults = config.fields, config.defaults
    title = _text(_at(session, fields.title), _MAX_NAME)
    if not title:
        raise PermanentFailure(f"{config.title} sent a session without a title")
    capacity = _at(session, fields.capacity)
    whole = isinstance(capacity, int) and not isinstance(capacity, bool)
    return ExternalRoom(
        name=title,
        description=_text(_at(session, fields.description), _MAX_DESCRIPTION),
        room_type=defaults.room_type,
        is_public=defaults.is_public,
        max_participants=min(max(capacity, 1), _MAX_CAPACITY) if whole else defaults.max_participants,
        scheduled_start=_time(fields, _at(session, fields.start)),
        scheduled_end=_time(fields, _at(session, fields.end)),
        participants=_participants(fields, session, ours, now),
        ended=ended or _text(_at(session, fields.status), 100) in fields.ended_values,
        tags=_tags(_at(session, fields.tags)),
    )


def _participants(
    fields: FieldMap, session: Any, ours: Collection[str], now: int
) -> tuple[ExternalParticipant, ...] | None:
    people = _at(session, fields.participants)
    if not isinstance(people, list):
        return None
    told = (_participant(fields, person, now) for person in people[:_MAX_PEOPLE])
    return tuple(person for person in told if person is not None and person.external_user_id not in ours)


def _participant(fields: FieldMap, person: Any, now: int) -> ExternalParticipant | None:
    id_ = _text(person if isinstance(person, str | int) else resolve(person, fields.participant_id), _MAX_ID)
    if not id_:
        return None
    if fields.participant_joined_at is None or isinstance(person, str | int):
        return ExternalParticipant(id_, joined_at=now)
    return ExternalParticipant(id_, joined_at=_time(fields, resolve(person, fields.participant_joined_at)))


def _at(session: Any, pointer: str | None) -> Any:
    return None if pointer is None else resolve(session, pointer)


def _text(value: Any, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    clean = str(value).replace("\x00", "").encode(errors="replace").decode()  # what every database can hold
    return clean.strip()[:limit]


def _tags(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(tag for item in items[:_MAX_TAGS] if (tag := _text(item, 50)))


def _time(fields: FieldMap, value: Any) -> int | None:
    if value is None:
        return None
    try:
        if fields.time_format == "rfc3339":
            moment = datetime.fromisoformat(str(value))
            return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        return round(float(value) * (1000 if fields.time_format == "seconds" else 1))
    except (ValueError, TypeError, OverflowError):
        raise PermanentFailure("a session's time is not in the configured format") from None
