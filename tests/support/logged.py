"""What a module logs, whatever logging was set up before: loggers keep the set-up of their first use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import structlog
from structlog.testing import LogCapture


@contextmanager
def logged(module: ModuleType) -> Iterator[list[Any]]:
    """Yield the list of entries that a module's ``_log`` writes meanwhile, before anything is redacted."""
    capture = LogCapture()
    with patch.object(module, "_log", structlog.wrap_logger(None, processors=[capture])):
        yield capture.entries
