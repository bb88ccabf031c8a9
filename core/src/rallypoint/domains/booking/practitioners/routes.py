"""``/api/practitioners`` and their schedules."""

from __future__ import annotations

from rallypoint.domains.booking.practitioners import schemas
from rallypoint.domains.booking.practitioners.service import PractitionerService
from rallypoint.web.routing import Call, Done, Reply, Routes


def practitioner_routes(practitioners: PractitionerService) -> Routes:
    """Return the routes of practitioners, but for their availability."""
    routes = Routes("/api/practitioners", tag="booking", limit="api")
    _add_practitioners(routes, practitioners)
    _add_schedules(routes, practitioners)
    return routes


def _add_practitioners(routes: Routes, practitioners: PractitionerService) -> None:
    @routes.add(
        "GET",
        "",
        summary="List practitioners",
        query=schemas.PractitionerFilter,
        replies={200: schemas.Practitioners},
    )
    async def list_practitioners(call: Call, query: schemas.PractitionerFilter) -> Reply:
        page, cursor = await practitioners.page(call.caller, query)
        return Reply({"data": page, "next": cursor})

    @routes.add(
        "POST",
        "",
        summary="Add a practitioner",
        body=schemas.CreatePractitioner,
        replies={201: schemas.Practitioner},
        idempotent=True,
    )
    async def create_practitioner(call: Call, body: schemas.CreatePractitioner) -> Reply:
        return Reply(await practitioners.create(call.caller, body), 201)

    @routes.add(
        "GET", "/<practitioner_id>", summary="Get a practitioner", replies={200: schemas.Practitioner}
    )
    async def get_practitioner(call: Call, practitioner_id: str) -> Reply:
        return Reply(await practitioners.get(call.caller, practitioner_id))

    @routes.add(
        "PATCH",
        "/<practitioner_id>",
        summary="Change a practitioner",
        body=schemas.ChangePractitioner,
        replies={200: schemas.Practitioner},
    )
    async def change_practitioner(
        call: Call, practitioner_id: str, body: schemas.ChangePractitioner
    ) -> Reply:
        return Reply(await practitioners.change(call.caller, practitioner_id, body))


def _add_schedules(routes: Routes, practitioners: PractitionerService) -> None:
    @routes.add(
        "GET",
        "/<practitioner_id>/schedules",
        summary="List a practitioner's schedules",
        replies={200: schemas.Schedules},
    )
    async def list_schedules(call: Call, practitioner_id: str) -> Reply:
        return Reply({"data": await practitioners.schedules(call.caller, practitioner_id)})

    @routes.add(
        "POST",
        "/<practitioner_id>/schedules",
        summary="Add hours of a weekday to a practitioner's schedules",
        body=schemas.CreateSchedule,
        replies={201: schemas.Schedule},
        idempotent=True,
    )
    async def create_schedule(call: Call, practitioner_id: str, body: schemas.CreateSchedule) -> Reply:
        return Reply(await practitioners.add_schedule(call.caller, practitioner_id, body), 201)

    @routes.add(
        "DELETE",
        "/<practitioner_id>/schedules/<schedule_id>",
        summary="Delete a schedule",
        replies={200: Done},
    )
    async def delete_schedule(call: Call, practitioner_id: str, schedule_id: str) -> Reply:
        await practitioners.remove_schedule(call.caller, practitioner_id, schedule_id)
        return Reply(Done(message="Schedule deleted successfully"))
