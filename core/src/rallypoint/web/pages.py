"""Pages for people: their headers, their look, and what they say when something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from pathlib import Path

from rallypoint.web.assets import Assets
from rallypoint.web.routing import Cookie, Reply

HTML = "text/html; charset=utf-8"
# Nothing inline and nothing from elsewhere: what somebody smuggles into a page can neither run nor call home.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}
STYLE = Assets(Path(__file__).parent / "static", "/assets")


def page(html: str, status: int = 200, *, cookies: Sequence[Cookie] = ()) -> Reply:
    """Return a reply with a whole HTML document."""
    return Reply(html.encode(), status, HEADERS, HTML, cookies)


def see(location: str, *, cookies: Sequence[Cookie] = ()) -> Reply:
    """Return a reply that sends the browser on, with GET (RFC 9110 §15.4.4).

    Args:
        location: Made by us; never what a request says.
        cookies: Set on the way.
    """
    return Reply(None, 303, {"Location": location}, cookies=cookies)


def error_page(status: int, message: str) -> bytes:
    """Return the document that says what went wrong, where no page of its own does."""
    title = escape(HTTPStatus(status).phrase)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="{STYLE.url("icon.svg")}">
<link rel="stylesheet" href="{STYLE.url("page.css")}">
</head>
<body>
<main class="narrow">
<h1>{title}</h1>
<p>{escape(message)}</p>
</main>
</body>
</html>
""".encode()
