"""A browser without JavaScript: it reads a page, fills in its form, and sends what a browser would send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

VOID = {"meta", "input", "br", "link", "img", "hr"}
WRITTEN = {"text", "tel", "email", "hidden", ""}


@dataclass
class Element:
    """An element of a page."""

    name: str
    told: dict[str, str]
    inside: "list[Element | str]" = field(default_factory=list)

    def text(self) -> str:
        """Its words, as they are read."""
        return " ".join("".join(self._words()).split())

    def _words(self) -> list[str]:
        found = []
        for each in self.inside:
            found += [each] if isinstance(each, str) else [" ", *each._words(), " "]
        return found

    def all(self, *names: str) -> "list[Element]":
        """The elements inside it with one of these names, in their order; all without a name."""
        found = []
        for each in self.inside:
            if isinstance(each, Element):
                found += [each] if not names or each.name in names else []
                found += each.all(*names)
        return found

    def one(self, name: str) -> "Element":
        """The first element of a name."""
        return self.all(name)[0]

    def by_id(self, its: str) -> "Element":
        """The one element of an id."""
        (found,) = [each for each in self.all() if each.told.get("id") == its]
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def parsed(html: str) -> Element:
    """A page whose elements are all closed."""
    reader = _Reader()
    reader.feed(html)
    assert len(reader.open) == 1, f"<{reader.open[-1].name}> is never closed"
    return reader.open[0]


def filled(form: Element) -> dict[str, list[str]]:
    """What a browser would send of a form as it stands."""
    found: dict[str, list[str]] = {}
    for each in form.all("input", "select", "textarea"):
        for value in _values(each):
            found.setdefault(each.told["name"], []).append(value)
    return found


def _values(control: Element) -> list[str]:
    if control.name == "textarea":
        return ["".join(each for each in control.inside if isinstance(each, str)).removeprefix("\n")]
    if control.name == "select":
        options = control.all("option")
        return [next((each for each in options if "selected" in each.told), options[0]).told["value"]]
    kind = control.told.get("type", "")
    if kind in WRITTEN:
        return [control.told.get("value", "")]
    return [control.told["value"]] if "checked" in control.told else []


@dataclass
class Browser:
    """Somebody at a browser; `page` is what they see."""

    http: httpx.AsyncClient
    headers: dict[str, str] = field(default_factory=dict)
    page: Element = field(default_factory=lambda: Element("document", {}))
    answer: httpx.Response = field(default_factory=lambda: httpx.Response(0))

    async def open(self, path: str) -> Element:
        """Open a page, or follow a link."""
        return self._see(await self.http.get(path, headers=self.headers))

    async def send(self, **changes: Any) -> Element:
        """Change what the form says (None empties), and send it."""
        form = self.page.one("form")
        assert form.told["method"] == "post"
        data = filled(form)
        for name, value in changes.items():
            data[name] = value if isinstance(value, list) else [] if value is None else [value]
        answer = await self.http.post(form.told["action"], data=data, headers=self.headers)
        if answer.status_code == 303:
            return await self.open(answer.headers["location"])
        return self._see(answer)

    def _see(self, answer: httpx.Response) -> Element:
        self.answer, self.page = answer, parsed(answer.text)
        return self.page

    @property
    def heading(self) -> str:
        """The heading of the page."""
        return self.page.one("h1").text()

    def link(self) -> str:
        """The link to their own page."""
        (found,) = [each.told["href"] for each in self.page.all("a") if each.told["href"].startswith("/ask/")]
        return found
