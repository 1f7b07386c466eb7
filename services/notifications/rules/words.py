"""What people receive: discreet, short, in their language, with a fixed set of slots."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from string import Template
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from services.notifications.rules import gsm
from services.notifications.rules.languages import LANGUAGES, Language, language_of
from services.notifications.rules.sending import Person, Session
from shared.events.notifications import AnswerKind, Channel, ReminderKind
from shared.programme import Site

INDISCREET = re.compile(
    r"peer|support|recover|sober|sobriet|group|therap|mental|psych|counsel|addict|substance|alcohol|drug|detox|rehab"
    r"|crisis|suicid|depress|anxi|ptsd|bipolar|trauma|diagnos|medicaid|medicare|insuranc|behavio|clinic|hospital"
    r"|psic|adicc|adict|sustancia|droga|depres|ansied|apoyo|grupo|terapia|recuper|consejer|conducta"
    r"|\baa\b|\bna\b|\bnami\b|https?:|www\.",
    re.IGNORECASE,
)
"""What would tell somebody who reads over a shoulder why the person is written to; links do too."""

NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '-]){0,19}")


@dataclass(frozen=True)
class Message:
    """What a person receives; `subject` is for mails."""

    subject: str
    text: str


def reminder(
    kind: ReminderKind, session: Session, person: Person, site: Site, *, name: str | None, channel: Channel
) -> Message:
    """This will write a reminder or confirmation: the fullest wording that fits one text message."""
    words = language_of(person.language)
    slots = {
        "site": gsm.plain(site.public_name),
        "phone": gsm.plain(site.phone),
        "visit": words.visit.get(session.modality, words.visit["in_person"]),
        "when": when(session.starts_at, zone=person.zone, language=words),
    }
    called = safe_name(name)
    besides = [Template(words.beside).substitute(name=called), ""] if called else [""]
    tail = words.by_mail if channel == "email" else words.by_text
    leads = words.confirmation if kind == "confirmation" else words.reminder
    texts = [Template(f"{lead} {tail}").substitute(slots, beside=beside) for beside in besides for lead in leads]
    return Message(words.subject, next((each for each in texts if gsm.septets(each) <= gsm.LIMIT), texts[-1]))


def answer(kind: AnswerKind, site: Site, *, language: str) -> Message:
    """This will write an answer to what a person wrote; the emergency words are the site's own."""
    words = language_of(language)
    if kind == "emergency":
        said = site.emergency_words.get(words.code) or site.emergency_words.get("en") or CALL_911
        return Message(words.subject, gsm.plain(said))
    slots = {"site": gsm.plain(site.public_name), "phone": gsm.plain(site.phone)}
    return Message(words.subject, Template(words.answers[kind]).substitute(slots))


CALL_911 = "If you are in danger now call 911. To talk to someone day or night call or text 988."


def when(at: datetime, *, zone: ZoneInfo, language: Language) -> str:
    """This will write a day and time as the person reads them: `Tue May 14, 3:00 PM`."""
    return gsm.plain(format_datetime(at, language.when, tzinfo=zone, locale=language.locale))


def safe_name(name: str | None) -> str:
    """This will give a first name that may be written out, or nothing: better none than a telling or garbled one."""
    first = gsm.plain((name or "").strip())
    return first if NAME.fullmatch(first) and not indiscreet(first) else ""


def indiscreet(text: str) -> list[str]:
    """This will list the words of a text that would disclose why somebody is written to."""
    return [each.group().lower() for each in INDISCREET.finditer(text)]


def complaints(site: Site) -> list[str]:
    """This will say what keeps a site's own words out of messages, and what to do; nothing when all is well."""
    told = {"public_name": site.public_name, "phone": site.phone}
    found = [
        f"site {site.site_id}: {field} would tell a stranger why somebody is written to; choose a neutral one"
        for field, text in told.items()
        if indiscreet(text)
    ]
    if max(map(gsm.septets, _barest_texts(site))) > gsm.LIMIT:
        found.append(f"site {site.site_id}: phone is too long for a text of {gsm.LIMIT} characters; shorten it")
    return found


def _barest_texts(site: Site) -> Iterator[str]:
    """This will write every wording without names, with the longest days."""
    for words, modality, month in product(LANGUAGES.values(), ("in_person", "video", "audio"), range(1, 13)):
        starts = datetime(2026, month, 23, 12, 30, tzinfo=UTC)
        when_it_is = when(starts, zone=ZoneInfo("UTC"), language=words)
        slots = {"phone": gsm.plain(site.phone), "visit": words.visit[modality], "when": when_it_is, "beside": ""}
        for lead in (words.reminder[-1], words.confirmation[-1]):
            yield Template(f"{lead} {words.by_text}").substitute(slots)
