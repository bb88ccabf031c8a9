"""Tables of the calendars' sync: the rows are the work and say how far it is, a job is only a wake-up."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class CalendarCursor(Model):
    """A connection's calendar: how it is synced, how far it has been read, and who is at it now."""

    connection_id = fields.CharField(36, primary_key=True)
    account_id = fields.CharField(36)
    mode = fields.CharField(8)
    user_id = fields.CharField(36)
    service = fields.CharField(64)
    external_account = fields.CharField(
        200, default="", description="the provider's id of whose calendar it is"
    )
    sync_mode = fields.CharField(8, default="one-way")
    parked = fields.BooleanField(default=False, description="until its owner connects anew")
    cursor = fields.TextField(default="", description="where the next look begins; empty to read everything")
    page = fields.TextField(default="", description="where a look that was broken off goes on")
    reading_all = fields.BooleanField(
        default=False, description="whether the look under way reads everything"
    )
    run = fields.IntField(default=0, description="of the latest look that read everything")
    last_sync_at = fields.BigIntField(null=True)
    poll_at = fields.BigIntField(null=True, description="a look that is wanted beside the schedule's")
    watch_at = fields.BigIntField(null=True, description="when the push channel wants looking after")
    failures = fields.IntField(default=0, description="in a row, of looks and of the channel")
    claimed_until = fields.BigIntField(default=0)
    fence = fields.IntField(default=0)
    created_at = fields.BigIntField()

    class Meta:
        table = "booking_calendar_cursors"
        indexes = (
            Index(fields=("account_id", "user_id")),
            Index(fields=("poll_at",)),
            Index(fields=("watch_at",)),
        )


class CalendarLink(Model):
    """An appointment and its event in one calendar; there is work while wanted_seq is beyond pushed_seq."""

    id = fields.CharField(64, primary_key=True, description="connection/appointment")
    connection_id = fields.CharField(36)
    service = fields.CharField(64)
    appointment_id = fields.BigIntField()
    external_id = fields.CharField(1024, null=True)
    etag = fields.CharField(512, default="")
    external_updated = fields.BigIntField(default=0)
    start_at = fields.BigIntField(null=True, description="of the event as both sides last had it")
    end_at = fields.BigIntField(null=True)
    made_there = fields.BooleanField(default=False)
    text_mark = fields.CharField(16, default="", description="of the text of an event that was made there")
    generation = fields.IntField(default=0, description="grows when the event is to be made anew")
    wanted_seq = fields.BigIntField()
    pushed_seq = fields.BigIntField(default=0)
    next_at = fields.BigIntField(null=True)
    failures = fields.IntField(default=0)
    error = fields.CharField(300, default="")
    run = fields.IntField(default=0, description="of the last full look that found the event")

    class Meta:
        table = "booking_calendar_links"
        unique_together = (("connection_id", "external_id"),)
        indexes = (
            Index(fields=("appointment_id",)),
            Index(fields=("connection_id", "next_at")),
            Index(fields=("service", "next_at")),
        )


class CalendarChannel(Model):
    """A push channel; a closing one is kept until the provider knows that it is not wanted any more."""

    id = fields.CharField(36, primary_key=True)
    connection_id = fields.CharField(36)
    service = fields.CharField(64)
    external_id = fields.CharField(255, default="", description="empty until the provider has opened it")
    resource_id = fields.CharField(255, default="")
    expires_at = fields.BigIntField()
    renew_at = fields.BigIntField(null=True, description="when the provider wants it renewed before its time")
    closing = fields.BooleanField(default=False)
    message_number = fields.BigIntField(default=0, description="of the latest notification")
    created_at = fields.BigIntField()

    class Meta:
        table = "booking_calendar_channels"
        indexes = (Index(fields=("connection_id",)),)


class BusyBlock(Model):
    """Time that an event of a calendar takes up without being an appointment; nothing else of it is kept."""

    id = fields.CharField(1064, primary_key=True, description="connection/event")
    connection_id = fields.CharField(36)
    start_at = fields.BigIntField()
    end_at = fields.BigIntField()
    is_long = fields.BooleanField(
        description="longer than a week; there are few, and they are looked at apart"
    )
    run = fields.IntField(description="of the full look that found it")

    class Meta:
        table = "booking_busy_blocks"
        indexes = (Index(fields=("connection_id", "is_long", "start_at")),)
