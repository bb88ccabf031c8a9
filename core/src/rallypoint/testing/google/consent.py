"""Goes through a consent page as a user does: reads the forms, posts one, follows where it leads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp
from yarl import URL


@dataclass(slots=True)
class Form:
    """A form of a page, as a browser would post it."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(named.get("action", "")))
        ticked = named.get("type") != "checkbox" or "checked" in named
        if tag == "input" and self.forms and named.get("name") and ticked:
            self.forms[-1].fields.append((named["name"], named.get("value", "")))


async def consent(
    auth_url: str, email: str = "mia@example.com", *, deny: bool = False, without: Collection[str] = ()
) -> URL:
    """Open a consent page, decide, and return the callback's URL that Google sends the browser to.

    Works on the fake's page and on that of npm ``emulate`` (which cannot be denied).

    Args:
        auth_url: As a server of ours answered it.
        email: Of the user who decides.
        deny: Refuse.
        without: Scopes that the user unticks.

    Raises:
        LookupError: The page is an error, or has no form for that user.
    """
    async with aiohttp.ClientSession() as session:
        async with session.get(URL(auth_url, encoded=True)) as page:
            form = _form_of(await page.text(), email, page.status)
        ticked = [pair for pair in form.fields if not (pair[0] == "scope" and pair[1] in without)]
        decision = ("decision", "deny" if deny else "allow")
        action = page.url.join(URL(form.action))
        async with session.post(action, data=[*ticked, decision], allow_redirects=False) as reply:
            if reply.status != 302:
                raise LookupError(f"the consent page answered {reply.status}: {await reply.text()}")
            return URL(reply.headers["Location"], encoded=True)


def _form_of(page: str, email: str, status: int) -> Form:
    parser = _Forms()
    parser.feed(page)
    for form in parser.forms:
        if ("email", email) in form.fields:
            return form
    raise LookupError(f"no form for {email}: {status} {page[:300]}")
