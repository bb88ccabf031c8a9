"""``GET /api/practitioners/{id}/availability``, public as documented, error bodies too."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError
from structlog.stdlib import BoundLogger

from rallypoint.domains.booking.availability.schemas import Availability, AvailabilityQuery
from rallypoint.domains.booking.availability.service import AvailabilityService
from rallypoint.domains.booking.fields import LocalDate, number_of
from rallypoint.errors import ApiError, ValidationFailed
from rallypoint.web.routing import Access, Call, Reply, Routes

_DATE: TypeAdapter[LocalDate] = TypeAdapter(LocalDate)


def availability_routes(availability: AvailabilityService, log: BoundLogger) -> Routes:
    """Return the one route of availability; a sandbox key sees the sandbox's practitioners."""
    routes = Routes("/api/practitioners", tag="booking", limit="api")

    @routes.add(
        "GET",
        "/<practitioner_id>/availability",
        summary="Get a practitioner's slots of a day",
        query=AvailabilityQuery,
        replies={200: Availability},
        access=Access.PUBLIC,
    )
    async def get_availability(call: Call, practitioner_id: str, query: AvailabilityQuery) -> Reply:
        if not query.date:
            raise ValidationFailed({"date": ["Field required"]}, "Missing practitioner ID or date")
        try:
            day = _DATE.validate_python(query.date)
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValidationFailed({"date": [said]}, f"Invalid date: {said}") from None
        number = number_of(practitioner_id, "Practitioner")
        mode = call.principal.mode if call.principal else "live"
        try:
            return Reply(await availability.of_day(mode, number, day))
        except ApiError:
            raise
        except Exception:
            log.exception("availability failed", practitioner=number)
            raise ApiError("Failed to fetch availability") from None  # as documented

    return routes
