"""Makes the pages: the form, the answer to it, and the page of whoever asked. No script, no cookie, no third party."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_month_names
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from services.referrals.asking.elsewhere import Pointed, elsewhere
from services.referrals.asking.form import FIELDS, GENDERS, HOURS, LONGEST_NOTE, MODALITIES, RISKS, Typed
from services.referrals.asking.words import LANGUAGES, SPOKEN, Words, read_words
from services.referrals.rules.asked import STEPS, Standing, place
from shared.programme import Programme, Site

FOLDER = Path(__file__).parent / "templates"
NUMBERS = re.compile(r"\b(911|988)\b")
FIRST_OF = {"birth": "birth_month", "risk": "risk_yes", "site": "site_0", "agree": "agree_yes"}
"""The first control of a field that has more than one, or is known by its answer."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Where things stand for somebody, as a page tells it: `by` is when a person will have been in touch.

    `pointed` is what they were pointed to; `unheard` says that nobody can be told of the danger they are in.
    """

    link: str
    stands: Standing
    site: Site
    until: datetime
    by: datetime | None = None
    may_take_back: bool = False
    pointed: tuple[Pointed, ...] = ()
    unheard: bool = False


class Pages:
    """The pages of a programme."""

    def __init__(self, programme: Programme, home: Site) -> None:
        self.programme, self.home, self.words = programme, home, read_words()
        self.style = (FOLDER / "look.css").read_text("utf-8")
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["ringing"] = _ringing

    def headers(self, language: str) -> dict[str, str]:
        """This will give the headers of every page: what a browser may do with it, which is next to nothing."""
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        return {
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'",
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "X-Robots-Tag": "noindex",
            "Content-Language": language,
            "Vary": "Accept-Language",
        }

    def form(
        self, language: str, number: str, typed: Typed, *, wrong: Mapping[str, str] | None = None, notice: str = ""
    ) -> str:
        """This will give the form, with what was typed and what is wrong with it."""
        words = self.words[language]
        site = self.programme.sites.get(typed.one("site"), self.home)
        return self._page(
            "form.html",
            words,
            site,
            title=words.say("title_check" if wrong or notice else "title_ask"),
            number=number,
            typed=typed,
            wrong=wrong or {},
            fields=[each for each in FIELDS if each in (wrong or {})],
            first_of=FIRST_OF,
            notice=notice,
            months=get_month_names("wide", locale=language),
            spoken=SPOKEN,
            sites=list(self.programme.sites.values()),
            choices={"meet": MODALITIES, "when": tuple(HOURS), "gender": ("any", *GENDERS), "risk": tuple(RISKS)},
            longest_note=LONGEST_NOTE,
            switch="/ask",
        )

    def done(self, language: str, shown: Shown) -> str:
        """This will answer whoever sent the form: what comes next, and the link to a page of their own."""
        return self._standing("done.html", language, shown, title="title_done", switch="")

    def where(self, language: str, shown: Shown) -> str:
        """This will give the page of somebody who asked."""
        return self._standing("where.html", language, shown, title="title_where", switch=f"/ask/{shown.link}")

    def _standing(self, name: str, language: str, shown: Shown, *, title: str, switch: str) -> str:
        words = self.words[language]
        values: dict[str, Any] = {
            "title": words.say(title),
            "shown": shown,
            "time": _moment(shown.by, shown.site, language) if shown.by else "",
            "until": format_date(shown.until, "long", locale=language),
            "steps": STEPS,
            "place": place(shown.stands),
            "pointed": elsewhere(shown.pointed, words),
            "switch": switch,
        }
        return self._page(name, words, shown.site, **values)

    def note(self, language: str, kind: str, *, switch: str = "") -> str:
        """This will give a page that only tells something: `adults`, `gone`, `later` or `large`."""
        words = self.words[language]
        titles = {"adults": "title_adults", "gone": "title_gone"}
        title = words.say(titles.get(kind, "title_later"))
        return self._page("note.html", words, self.home, title=title, kind=kind, switch=switch)

    def _page(self, name: str, words: Words, site: Site, **values: Any) -> str:
        template = self._templates.get_template(name)
        return template.render(
            words=words,
            say=words.say,
            site=site,
            name=self.programme.name,
            emergency=_dialled(words.of(site.emergency_words)),
            style=Markup(self.style),  # noqa: S704 - a file of ours
            others=[self.words[each] for each in LANGUAGES if each != words.code],
            **values,
        )


def _dialled(said: str) -> Markup:
    """This will let the emergency numbers in some words be rung."""
    return Markup(NUMBERS.sub(r'<a href="tel:\1">\1</a>', str(escape(said))))  # noqa: S704 - escaped first


def _ringing(said: str, number: str) -> Markup:
    """This will let a telephone number in some words be rung."""
    digits = "".join(each for each in number if each.isdecimal() or each == "+")
    link = Markup('<a href="tel:{}">{}</a>').format(digits, number)
    return escape(said).replace(escape(number), link)


def _moment(at: datetime, site: Site, language: str) -> str:
    local = at.astimezone(ZoneInfo(site.zone))
    day, time = format_date(local, "full", locale=language), format_time(local, "short", locale=language)
    return f"{time}, {day}"


__all__ = ["Pages", "Pointed", "Shown"]
