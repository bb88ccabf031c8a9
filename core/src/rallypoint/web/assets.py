"""Files for browsers, served by us alone: cached for good under an address that changes with their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rallypoint.errors import NotFound
from rallypoint.web.fields import Body
from rallypoint.web.routing import Access, Call, Reply, Routes

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
_CHANGED = {"Cache-Control": "no-store"}


class Version(Body):
    """Which content of a file a page was made for."""

    v: str = ""


class Assets:
    """The files of a folder.

    Args:
        folder: Part of a package; read once.
        prefix: Of their addresses.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        self._prefix = prefix
        self._files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in _TYPES}
        self._versions = {
            name: hashlib.sha256(content).hexdigest()[:12] for name, content in self._files.items()
        }

    def url(self, name: str) -> str:
        """Return the address of a file, for use in a page."""
        return f"{self._prefix}/{name}?v={self._versions[name]}"

    def routes(self) -> Routes:
        """Return the route that serves them."""
        routes = Routes(self._prefix, limit="none", documented=False)

        @routes.add(
            "GET",
            "/<asset>",
            summary="A page's file",
            replies={200: None},
            query=Version,
            access=Access.PUBLIC,
        )
        async def read(_call: Call, *, asset: str, query: Version) -> Reply:
            if asset not in self._files:
                raise NotFound("There is no such file")
            # While servers of two versions run, a page of one may ask the other.
            headers = _FOR_GOOD if query.v == self._versions[asset] else _CHANGED
            return Reply(self._files[asset], headers=headers, content_type=_TYPES[Path(asset).suffix])

        return routes
