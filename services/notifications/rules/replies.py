"""What an answer means: a digit acts, STOP stops, danger pages, and everything else is read by a person."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from services.notifications.rules.phrases import DANGER, NO_MORE

Answer = Literal["coming", "new_time", "cannot_come"]
Meaning = Answer | Literal["stop", "cancel", "start", "help", "other"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


POLITE = _words("please pls now thanks thank you ok okay por favor gracias ahora sorry")
DIGITS: dict[str, Answer] = {"1": "coming", "2": "new_time", "3": "cannot_come"}
BESIDE: dict[str, frozenset[str]] = {
    "1": POLITE | _words("coming yes i am im will ill be there si voy ahi estare"),
    "2": POLITE | _words("new time another need i a otra hora necesito"),
    "3": POLITE | _words("cant cannot can not come i no puedo ir lo siento"),
}
"""Words that may stand beside a digit; with any other a person reads it, for it may say the opposite."""

STOP = _words(
    "stop stopall end quit revoke unsubscribe optout remove arret td alto parar pare para basta baja detener detenga "
    "fin salir terminar anular"
) | {"opt out", "stop all", "stop it", "stop this", "no more", "no mas", "ya no", "ya basta", "basta ya", "para ya"}
CANCEL = _words("cancel cancelar cancela cancele")
START = _words("start unstop empezar comenzar iniciar reanudar") | {"opt in"}
HELP = _words("help info ayuda informacion")
APOSTROPHES = frozenset("'’‘`´")  # noqa: RUF001


@dataclass(frozen=True)
class Reply:
    """What somebody meant; `danger` stands beside any meaning."""

    meaning: Meaning
    danger: bool = False


def read(text: str) -> Reply:
    """This will say what an incoming text means, whatever its case, accents and punctuation; English and Spanish."""
    words = bare(text)
    return Reply(_meaning(words), danger=bool(DANGER.search(words)))


def bare(text: str) -> str:
    """This will reduce a text to lower-case words without accents, apostrophes or punctuation."""
    flat = unicodedata.normalize("NFKD", text.casefold())
    marks = ("M", "Cf")
    kept = (each for each in flat if each not in APOSTROPHES and not unicodedata.category(each).startswith(marks))
    return " ".join(re.findall(r"[^\W_]+", "".join(kept)))


def _meaning(words: str) -> Meaning:
    said = words.split()
    if said and said[0] in DIGITS and BESIDE[said[0]].issuperset(said[1:]):
        return DIGITS[said[0]]
    core = " ".join(each for each in said if each not in POLITE)
    keywords: tuple[tuple[frozenset[str], Meaning], ...] = ((CANCEL, "cancel"), (START, "start"), (HELP, "help"))
    found = next((meaning for known, meaning in keywords if core in known), None)
    return found or ("stop" if core in STOP or NO_MORE.search(words) else "other")
