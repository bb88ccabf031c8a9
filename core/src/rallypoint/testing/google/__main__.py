"""``python -m rallypoint.testing.google --port 4210``: Google alone, for demonstrations and development."""

from __future__ import annotations

from rallypoint.testing.google.fake import GoogleFake

GoogleFake.main()
