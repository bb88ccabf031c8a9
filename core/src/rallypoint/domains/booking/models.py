"""Tables of booking: the documented ones by their own names, with at least their columns.

Times of day and dates are text (``09:00:00``, ``2026-03-29``) in the practitioner's zone, as the document has them;
what is computed with is milliseconds.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from rallypoint.domains.booking.calendars.models import (
    BusyBlock,
    CalendarChannel,
    CalendarCursor,
    CalendarLink,
)

__all__ = [
    "SEALED",
    "Appointment",
    "AppointmentMeeting",
    "BusyBlock",
    "CalendarChannel",
    "CalendarCursor",
    "CalendarLink",
    "CallRecord",
    "Practitioner",
    "PractitionerSchedule",
]
ZONE_LENGTH = 64
SEALED = (("appointment_meetings", "password"), ("appointment_meetings", "host_url"))
"""Columns that hold what the vault encrypted."""


class Practitioner(Model):
    """Somebody who can be booked; user_id is who they are among the account's users, if anybody."""

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    user_id = fields.CharField(36, null=True)
    name = fields.CharField(200)
    specialty = fields.TextField(null=True)
    reviews = fields.IntField(default=0)
    rating = fields.FloatField(default=5.0)
    price = fields.IntField(null=True)
    image_url = fields.TextField(null=True)
    badge = fields.TextField(null=True)
    education = fields.TextField(null=True)
    degree = fields.TextField(null=True)
    location_type = fields.CharField(32, default="online")
    conditions = fields.TextField(default="[]", description="JSON")
    bio = fields.TextField(null=True)
    years_experience = fields.IntField(default=0)
    approach = fields.TextField(null=True)
    languages = fields.TextField(default='["English"]', description="JSON")
    certifications = fields.TextField(default="[]", description="JSON")
    availability = fields.CharField(200, default="Weekdays 9am - 5pm")
    insurance_accepted = fields.TextField(default="[]", description="JSON")
    session_format = fields.TextField(default="[]", description="JSON")
    email = fields.CharField(254, default="")
    preferred_video_platform = fields.CharField(40, default="zoom")
    timezone = fields.CharField(ZONE_LENGTH, default="UTC")
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "practitioners"
        indexes = (Index(fields=("account_id", "mode", "id")), Index(fields=("user_id",)))


class PractitionerSchedule(Model):
    """Hours of a weekday in which a practitioner can be booked; 0 is Sunday."""

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    practitioner_id = fields.BigIntField()
    day_of_week = fields.IntField()
    start_time = fields.CharField(8)
    end_time = fields.CharField(8)
    slot_duration_minutes = fields.IntField(default=60)
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "practitioner_schedules"
        indexes = (Index(fields=("practitioner_id", "day_of_week")), Index(fields=("account_id",)))


class Appointment(Model):
    """An appointment; the customer's name and addresses are as they were told for it."""

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    user_id = fields.CharField(36)
    practitioner_id = fields.BigIntField(null=True)
    practitioner_name = fields.CharField(200, default="")
    date = fields.CharField(10)
    time = fields.CharField(8)
    timezone = fields.CharField(ZONE_LENGTH, default="UTC")
    start_at = fields.BigIntField()
    end_at = fields.BigIntField()
    duration = fields.IntField(description="minutes")
    session_type = fields.CharField(100, default="")
    status = fields.CharField(16, default="confirmed")
    notes = fields.TextField(default="")
    customer_id = fields.CharField(36)
    customer_name = fields.CharField(200, default="")
    customer_email = fields.CharField(254, default="")
    customer_phone = fields.CharField(40, default="")
    reason = fields.TextField(default="")
    cancelled_at = fields.BigIntField(null=True)
    completed_at = fields.BigIntField(null=True)
    seq = fields.BigIntField(default=1, description="of its latest event")
    sequence = fields.IntField(default=0, description="iCalendar's")
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "appointments"
        indexes = (
            Index(fields=("practitioner_id", "status", "start_at")),
            Index(fields=("account_id", "mode", "start_at", "id")),
            Index(fields=("account_id", "mode", "status", "updated_at")),
            Index(fields=("user_id", "start_at")),
        )


class AppointmentMeeting(Model):
    """Where an appointment takes place.

    ``wanted`` and ``done`` are fingerprints of the meeting as it should be and as the provider last made it; empty
    for none, and a question mark for one of which nobody knows. Work is due at ``next_at`` while they differ.
    """

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    appointment_id = fields.BigIntField()
    platform = fields.CharField(40)
    request_id = fields.CharField(36, unique=True)
    user_id = fields.CharField(36, default="", description="whose connection makes it; empty: the host's")
    host_email = fields.CharField(254, default="", description="empty: the appointment's")
    guest_email = fields.CharField(254, default="", description="empty: the appointment's")
    topic = fields.TextField(default="", description="empty: the appointment's")
    description = fields.TextField(default="", description="empty: the appointment's")
    meeting_url = fields.TextField(default="")
    meeting_id = fields.CharField(200, default="")
    password = fields.TextField(null=True, description="encrypted")
    host_url = fields.TextField(null=True, description="encrypted")
    dial_in_number = fields.CharField(200, null=True)
    external = fields.TextField(default="{}", description="the provider's keys, JSON")
    status = fields.CharField(16, default="pending", description="pending, ready, failed, cancelled")
    wanted = fields.CharField(64, default="")
    done = fields.CharField(64, default="")
    failures = fields.IntField(default=0)
    reason = fields.TextField(default="")
    next_at = fields.BigIntField(null=True)
    claimed_until = fields.BigIntField(default=0)
    created_at = fields.BigIntField()
    updated_at = fields.BigIntField()

    class Meta:
        table = "appointment_meetings"
        unique_together = (("appointment_id", "platform"),)
        indexes = (Index(fields=("next_at",)), Index(fields=("account_id",)))


class CallRecord(Model):
    """A call that was received."""

    id = fields.BigIntField(primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    user_id = fields.CharField(36)
    customer_id = fields.CharField(36)
    customer_name = fields.CharField(200, default="")
    customer_phone = fields.CharField(40, default="")
    duration = fields.IntField(default=0, description="seconds")
    recording_url = fields.TextField(null=True)
    transcript = fields.TextField(default="")
    sentiment = fields.CharField(32, null=True)
    seq = fields.BigIntField(default=1)
    received_at = fields.BigIntField()
    created_at = fields.BigIntField()

    class Meta:
        table = "calls"
        indexes = (Index(fields=("account_id", "mode", "id")),)
