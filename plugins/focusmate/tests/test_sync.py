"""Sessions become rooms: through the real rooms, connections and schedule, against a strict stand-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rallypoint.connections.api import Connection
from rallypoint_focusmate.sync import Sync
from tests.conftest import ACCOUNT, MIA, USER, World
