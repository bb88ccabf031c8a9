"""The text of what Outlook keeps as HTML, should it send that though texts are asked for."""

from __future__ import annotations

from html.parser import HTMLParser

_HIDDEN = frozenset({"style", "script", "head", "title"})
_LONGEST = 65_536
"""Of the HTML that is looked at: who invites somebody must not keep the server busy with it."""


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in ("br", "p", "div"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def text_of(html: str) -> str:
    """Return the text of a piece of HTML, white space around it taken away."""
    reader = _Text()
    reader.feed(html[:_LONGEST])
    reader.close()
    return "".join(reader.parts).strip()
