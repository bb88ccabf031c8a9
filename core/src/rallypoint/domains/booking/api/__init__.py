"""All that others see of booking: appointments, meetings and calendars, as data and protocols."""

from __future__ import annotations

from rallypoint.domains.booking.api.appointments import (
    APPOINTMENT_EVENTS,
    EVENTS,
    Appointments,
    AppointmentStatus,
    AppointmentView,
    Interval,
    NewAppointment,
    Platform,
)
from rallypoint.domains.booking.api.calendars import (
    BusyRequest,
    BusySource,
    CalendarEvent,
    CalendarProvider,
    CalendarSync,
    Changed,
    ChangePage,
    CursorExpired,
    ExternalEvent,
    ExternalRef,
    Gone,
    SyncMode,
    SyncSettings,
    Watch,
    WatchRequest,
)
from rallypoint.domains.booking.api.meetings import Meeting, MeetingProvider, MeetingRequest, Meetings

__all__ = [
    "APPOINTMENT_EVENTS",
    "EVENTS",
    "AppointmentStatus",
    "AppointmentView",
    "Appointments",
    "BusyRequest",
    "BusySource",
    "CalendarEvent",
    "CalendarProvider",
    "CalendarSync",
    "ChangePage",
    "Changed",
    "CursorExpired",
    "ExternalEvent",
    "ExternalRef",
    "Gone",
    "Interval",
    "Meeting",
    "MeetingProvider",
    "MeetingRequest",
    "Meetings",
    "NewAppointment",
    "Platform",
    "SyncMode",
    "SyncSettings",
    "Watch",
    "WatchRequest",
]
