"""Dates and times of day as booking reads and counts them, for plugins that take the same fields."""

from __future__ import annotations

from rallypoint.domains.booking.zones import FIRST_DATE, LAST_DATE, at_local, local_of, parse_time, zone_of

__all__ = ["FIRST_DATE", "LAST_DATE", "at_local", "local_of", "parse_time", "zone_of"]
