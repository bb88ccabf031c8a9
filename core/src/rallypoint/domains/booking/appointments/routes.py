"""``/api/appointments``."""

from __future__ import annotations

from rallypoint.domains.booking.appointments import schemas
from rallypoint.domains.booking.appointments.service import AppointmentService
from rallypoint.web.routing import Call, Reply, Routes


def appointment_routes(appointments: AppointmentService) -> Routes:
    """Return the routes of appointments."""
    routes = Routes("/api/appointments", tag="booking", limit="api")
    _add_reading(routes, appointments)
    _add_changing(routes, appointments)
    _add_ending(routes, appointments)
    return routes


def _add_reading(routes: Routes, appointments: AppointmentService) -> None:
    @routes.add(
        "GET",
        "",
        summary="List appointments, latest first",
        query=schemas.AppointmentFilter,
        replies={200: schemas.Appointments},
    )
    async def list_appointments(call: Call, query: schemas.AppointmentFilter) -> Reply:
        page, cursor = await appointments.page(call.caller, query)
        return Reply({"data": page, "next": cursor})

    @routes.add("GET", "/<appointment_id>", summary="Get an appointment", replies={200: schemas.Appointment})
    async def get_appointment(call: Call, appointment_id: str) -> Reply:
        return Reply(await appointments.get(call.caller, appointment_id))


def _add_changing(routes: Routes, appointments: AppointmentService) -> None:
    @routes.add(
        "POST",
        "",
        summary="Book an appointment",
        body=schemas.CreateAppointment,
        replies={201: schemas.Appointment},
        errors=[404, 409],
        idempotent=True,
    )
    async def create_appointment(call: Call, body: schemas.CreateAppointment) -> Reply:
        return Reply(await appointments.create(call.caller, body), 201)

    @routes.add(
        "PATCH",
        "/<appointment_id>",
        summary="Move an appointment, or change what it says",
        body=schemas.ChangeAppointment,
        replies={200: schemas.Appointment},
        errors=[409],
    )
    async def change_appointment(call: Call, appointment_id: str, body: schemas.ChangeAppointment) -> Reply:
        return Reply(await appointments.change(call.caller, appointment_id, body))


def _add_ending(routes: Routes, appointments: AppointmentService) -> None:
    @routes.add(
        "POST",
        "/<appointment_id>/cancel",
        summary="Cancel an appointment",
        body=schemas.CancelAppointment,
        replies={200: schemas.Appointment},
        errors=[409],
    )
    async def cancel_appointment(call: Call, appointment_id: str, body: schemas.CancelAppointment) -> Reply:
        return Reply(await appointments.cancel(call.caller, appointment_id, body.reason))

    @routes.add(
        "POST",
        "/<appointment_id>/complete",
        summary="Say that an appointment took place",
        replies={200: schemas.Appointment},
        errors=[409],
    )
    async def complete_appointment(call: Call, appointment_id: str) -> Reply:
        return Reply(await appointments.complete(call.caller, appointment_id))
