"""What an event's change over there means here, decided from both sides as they are now; pure.

Both sides are compared with what they last agreed on, so that a change of one side alone is never taken for a
conflict. Where both changed, the newer one wins; where that cannot be told, a deletion does.
"""

from __future__ import annotations

from typing import Literal

from rallypoint.domains.booking.api import AppointmentView, ExternalEvent
from rallypoint.domains.booking.calendars.mapping import fits, has_time_of, minutes
from rallypoint.storage.database import Row

Verdict = Literal["echo", "note", "keep", "move", "refuse", "cancel", "remake", "fresh"]
"""``echo``: our own write, or older than what we know. ``note``: remember how it is now. ``keep``: both changed, ours
is newer and will be written. ``move``: the appointment follows. ``refuse``: the event is moved back. ``cancel``: the
appointment is cancelled. ``remake``: deleted there, changed here since: made anew. ``fresh``: of a cancelled
appointment, restored there: an event like any other."""


def verdict(link: Row, view: AppointmentView, event: ExternalEvent) -> Verdict:
    """Decide what a linked event, as it is there now, means for its appointment.

    Args:
        link: As stored; ``start_at`` and ``end_at`` are what both sides last agreed on.
        view: The appointment.
        event: The event.
    """
    if _is_known(link, event):
        return "echo"
    if view.status == "confirmed":
        return (
            _of_deletion(link, view, event) if event.status == "cancelled" else _of_change(link, view, event)
        )
    restored = view.status == "cancelled" and event.status == "confirmed" and not is_pending(link)
    return "fresh" if restored else "note"


def _of_deletion(link: Row, view: AppointmentView, event: ExternalEvent) -> Verdict:
    told_when = event.updated > 0
    return "remake" if is_pending(link) and told_when and ours_is_newer(view, event) else "cancel"


def _of_change(link: Row, view: AppointmentView, event: ExternalEvent) -> Verdict:
    if not fits(event):
        return "refuse"
    if (event.start, event.end) == (link["start_at"], link["end_at"]) or has_time_of(event, view):
        return "note"
    return "keep" if is_moved_here(link, view) and ours_is_newer(view, event) else "move"


def is_conflict(link: Row, view: AppointmentView, decided: Verdict) -> bool:
    """Tell whether a verdict settled changes that both sides made."""
    if view.status != "confirmed" or not is_pending(link):
        return False
    return decided in ("keep", "cancel", "remake") or (decided == "move" and is_moved_here(link, view))


def is_moved_here(link: Row, view: AppointmentView) -> bool:
    """Tell whether the appointment has moved since both sides last agreed on its time."""
    if link["start_at"] is None or link["end_at"] is None:
        return is_pending(link)
    return (link["start_at"], minutes(link["start_at"], link["end_at"])) != (view.start, view.duration)


def is_pending(link: Row) -> bool:
    """Tell whether the appointment has changes that the event lacks."""
    return bool(link["wanted_seq"] > link["pushed_seq"])


def ours_is_newer(view: AppointmentView, event: ExternalEvent) -> bool:
    """Tell which side changed last, by the clock of each; on a draw ours did."""
    return view.updated_at >= event.updated


def _is_known(link: Row, event: ExternalEvent) -> bool:
    if event.etag and event.etag == link["etag"]:
        return True
    return event.status == "confirmed" and event.updated < link["external_updated"]
