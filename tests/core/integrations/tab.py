"""A browser's tab without its scripts: keeps cookies, reads forms, sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin

from rallypoint.app import App

VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


class Document(HTMLParser):
    """A page's elements and forms; refuses one whose tags do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.forms: list[Form] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"<{self._open[-1].tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag == "form":
            self.forms.append(Form(element.attributes["action"]))
        elif tag in {"input", "select"} and self.forms:
            self.forms[-1].fields[element.attributes["name"]] = element.attributes.get("value", "")
        elif tag == "option" and "selected" in element.attributes:
            name = next(outer for outer in reversed(self._open) if outer.tag == "select").attributes["name"]
            self.forms[-1].fields[name] = element.attributes["value"]
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(
                value in element.attributes.get(name.strip("_"), "").split()
                for name, value in attributes.items()
            )
        ]

    def text(self) -> str:
        return " ".join(self.all("body")[0].text.split())

    def form(self, ending: str) -> Form:
        """Return the form whose address ends so."""
        (found,) = (form for form in self.forms if form.action.endswith(ending))
        return found


@dataclass
class Shown:
    status: int
    headers: dict[str, str]
    html: str
    set_cookies: list[str]
    location: str

    @property
    def document(self) -> Document:
        return Document(self.html)


class Tab:
    """One browser; the server is in process."""

    def __init__(self, app: App, base: str = "http://testserver") -> None:
        self._app, self._base = app, base
        self.cookies: dict[str, str] = {}
        self.at = "/"

    async def open(self, path: str, **headers: str) -> Shown:
        return await self._send("GET", path, b"", headers)

    async def submit(self, form: Form, follow: bool = True, **fields: str) -> Shown:
        body = urlencode({**form.fields, **fields}).encode()
        shown = await self._send("POST", form.action, body, {"sec-fetch-site": "same-origin"})
        return await self.follow(shown) if follow else shown

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Shown:
        return await self._send("POST", path, urlencode(fields).encode(), headers)

    async def follow(self, shown: Shown) -> Shown:
        while shown.location:
            shown = await self.open(shown.location)
        return shown

    async def sign_in(self, email: str, password: str = "correct horse battery") -> Shown:
        page = await self.open("/settings/integrations")
        return await self.submit(page.document.form("/sign-in"), email=email, password=password)

    async def _send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Shown:
        path, _, query = target.partition("#")[0].partition("?")
        names = {"host": "testserver", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body:
            names.setdefault("content-type", "application/x-www-form-urlencoded")
            names["content-length"] = str(len(body))
        if self.cookies and path.startswith("/settings"):
            names["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope: dict[str, Any] = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "client": ("203.0.113.9", 1), "server": ("testserver", 80),
            "headers": [(name.encode(), value.encode()) for name, value in names.items()],
        }  # fmt: skip
        pending = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            return pending.pop(0) if pending else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        pairs = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        got = dict(pairs)
        set_cookies = [value for name, value in pairs if name == "set-cookie"]
        for value in set_cookies:
            self._keep(value)
        self.at = target
        location = urljoin(target, got["location"]) if "location" in got else ""
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return Shown(sent[0]["status"], got, text, set_cookies, location)

    def _keep(self, header: str) -> None:
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
