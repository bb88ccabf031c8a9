"""Writes the table of settings in ``docs/operators/README.md`` from the code."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from rallypoint.settings import Settings

GUIDE = Path(__file__).parents[1] / "docs" / "operators" / "README.md"
HEADING = "\n| variable | default | meaning |\n|---|---|---|\n"


def shown(value: object) -> str:
    """Return a default as the table shows it."""
    if isinstance(value, SecretStr | str | Path):
        text = "" if isinstance(value, SecretStr) else str(value)
        return f"`{text}`" if text else ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def table() -> str:
    """Return the rows, a line each."""
    return "".join(
        f"| `RALLYPOINT_{name.upper()}` | {shown(field.default)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )


if __name__ == "__main__":
    head, mark, _ = GUIDE.read_text().partition("<!-- settings -->\n")
    _, end, rest = GUIDE.read_text().partition("<!-- end of settings -->\n")
    GUIDE.write_text(head + mark + HEADING + table() + "\n" + end + rest)
