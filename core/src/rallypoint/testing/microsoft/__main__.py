"""``python -m rallypoint.testing.microsoft --port 4220``: Microsoft alone, for demonstrations and development."""

from __future__ import annotations

from rallypoint.testing.microsoft.fake import MicrosoftFake

MicrosoftFake.main()
