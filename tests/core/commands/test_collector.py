from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc
from rallypoint.commands import collector

collector.hold()
assert not gc.isenabled()
collector.settle()
assert gc.isenabled()
assert gc.get_freeze_count() > 1000
made = []
made.append(made)
del made
assert gc.collect() >= 1, "what came later is collected"
"""


def test_what_a_start_made_is_left_alone_and_the_rest_is_not() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
