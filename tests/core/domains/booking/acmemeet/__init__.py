"""Acme: meetings on a platform of its own and busy times, both as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from rallypoint.domains.booking.api import (
    BusyRequest,
    BusySource,
    Interval,
    Meeting,
    MeetingProvider,
    MeetingRequest,
)
from rallypoint.sdk import PluginContext, hookimpl

meetings: dict[str, Meeting] = {}
"""What stands at Acme, by request."""
asked: list[tuple[str, MeetingRequest]] = []
faults: list[Exception | float] = []
"""What goes wrong with the next calls: an error, or seconds of waiting."""
lost: list[Exception] = []
"""Errors after the next meetings were made: their answers are lost."""
busy: list[Interval] = []
busy_faults: list[Exception | float] = []


async def _trouble(with_: list[Exception | float]) -> None:
    if with_:
        fault = with_.pop(0)
        if isinstance(fault, Exception):
            raise fault
        await asyncio.sleep(fault)


async def create(request: MeetingRequest) -> Meeting:
    asked.append(("create", request))
    await _trouble(faults)
    meeting = meetings.setdefault(
        request.request_id,
        Meeting(
            url=f"https://meet.example.com/{request.request_id}",
            meeting_id=request.request_id[:8],
            password="pass-word",
            host_url=f"https://meet.example.com/host/{request.request_id}",
            external={"start": request.start},
        ),
    )
    if lost:
        raise lost.pop(0)
    return meeting


async def update(request: MeetingRequest, meeting: Meeting) -> Meeting:
    asked.append(("update", request))
    await _trouble(faults)
    meetings[request.request_id] = replace(meeting, external={"start": request.start})
    return meetings[request.request_id]


async def cancel(request: MeetingRequest, meeting: Meeting) -> None:
    asked.append(("cancel", request))
    await _trouble(faults)
    assert meeting.url
    meetings.pop(request.request_id, None)


async def busy_times(request: BusyRequest) -> Sequence[Interval]:
    await _trouble(busy_faults)
    return [one for one in busy if one.start < request.end and request.start < one.end]


@hookimpl
def register_meeting_providers(ctx: PluginContext) -> Sequence[MeetingProvider]:
    return [MeetingProvider("acme", "Acme Meet", create, update, cancel)]


@hookimpl
def register_busy_sources(ctx: PluginContext) -> Sequence[BusySource]:
    return [BusySource("acme", busy_times)]
