"""``python -m rallypoint``."""

from rallypoint.cli import main

main()
