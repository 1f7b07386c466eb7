"""Names as people write them: whether two may be the same name, however it is spelt, shortened or cut."""

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"})
"""Letters that Unicode does not take for another with a mark."""
SOUNDS = (("ph", "f"), ("ck", "k"), ("qu", "k"), ("c", "k"), ("v", "f"), ("z", "s"), ("y", "i"), ("h", ""))
"""What is written in two ways for nearly the same sound, in English and Spanish."""
PARTICLES = frozenset(
    {
        "al", "bin", "da", "de", "del", "den", "der", "di", "dos", "du", "el", "ibn", "la", "las", "le", "los", "mac",
        "mc", "san", "santa", "van", "von", "y",
    }
)  # fmt: skip
GENERATIONS = frozenset({"jr", "sr", "ii", "iii", "iv"})
TITLES = frozenset({"mr", "mrs", "ms", "dr", "sra", "srta"})
CLOSE = 0.8

SHORT_FORMS = """
abigail abby|alejandro alex ale|alexander alex sandy|alexandra alex sandra|alfredo fred|andrew andy drew
anthony tony|antonio tony toño|barbara barb|beatriz bea|benjamin ben|bradley brad|carlos charlie
catherine kathy cathy kate katie kat|charles charlie chuck|christina tina chris|christopher chris kit
concepcion concha|cynthia cindy|daniel dan danny|david dave|deborah debbie deb|dolores lola|donald don
dorothy dot dottie|edward ed eddie ted ned|eduardo lalo edu|elizabeth liz beth betty eliza libby lisa
enrique kike|eugene gene|federico fede|francisco paco pancho frank kiko|frederick fred|gabriel gabe
gerald jerry|gregory greg|graciela chela|guadalupe lupe lupita|guillermo memo|harold hal|henry hank harry
ignacio nacho|isabel isa chabela|jacob jake|james jim jimmy jamie|jeffrey jeff|jennifer jen jenny|jesus chuy
john jack johnny|jonathan jon|jose pepe|joseph joe joey|joshua josh|juan juancho|judith judy
katherine kathy kate katie kat|kenneth ken|lawrence larry|leonard leo len|luis lucho|manuel manny manolo
margaret maggie meg peggy|maria mari|maricarmen mari|matthew matt|melissa missy|michael mike mick|miguel mike
mohammed muhammad mohamed mohammad|natalia nati|nathaniel nate nathan|nicholas nick|pamela pam
patricia pat patty tricia|patrick pat|peter pete|philip phil|rafael rafa|raymond ray|rebecca becky
richard rick dick rich|robert bob bobby rob robbie|roberto beto|ronald ron|rosario charo|samantha sam|samuel sam
sandra sandy|santiago santi|stephen steve|steven steve|susan sue susie|teresa tere|theodore ted
theresa terry tess|thomas tom|timothy tim|vanessa nessa|veronica vero|victoria vicky tori|vincent vince vinny
walter walt|william bill billy will liam|zachary zach
"""
"""A given name, then what people who have it are called, in English and Spanish."""


def tokens(written: str | None) -> tuple[str, ...]:
    """This will give the words of a name in small plain letters, without accents, titles and generations."""
    return tuple(each for each in _words(written or "") if each not in GENERATIONS | TITLES)


def generation(*written: str | None) -> str | None:
    """This will give which of a family a name is said to be of: `jr`, `sr`, `ii`; None where nobody says."""
    return next((word for each in written for word in _words(each or "") if word in GENERATIONS), None)


@lru_cache(maxsize=4096)
def _words(written: str) -> tuple[str, ...]:
    apart = unicodedata.normalize("NFKD", written.casefold().translate(LETTERS))
    plain = "".join(each for each in apart if not unicodedata.combining(each))
    return tuple(re.sub(r"[^\w\s-]|[\d_]", "", plain).replace("-", " ").split())


@lru_cache(maxsize=4096)
def spelt(word: str) -> str:
    """This will give a word as it is spelt alike by everybody, nearly: `stephen` and `steven` are one."""
    for written, sound in SOUNDS:
        word = word.replace(written, sound) or word
    return re.sub(r"(.)\1+", r"\1", word)


def surnames(written: str | None) -> frozenset[str]:
    """This will give the parts of a family name, spelt alike: of `García-Márquez` either may be left out."""
    parts = tokens(written)
    return frozenset(spelt(each) for each in parts if each not in PARTICLES) or frozenset(map(spelt, parts))


def may_be_called(one: str | None, other: str | None) -> bool:
    """This will say whether two given names may be of one person: yes, where one is missing.

    Who is called by a second name, a short form or an initial is; twins mostly are not.
    """
    mine, theirs = tokens(one), tokens(other)
    if not mine or not theirs:
        return True
    return any(_alike(mine[0], each) for each in theirs) or any(_alike(theirs[0], each) for each in mine)


def _alike(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    cut = len(shorter) != 2 and longer.startswith(shorter)
    return cut or bool(_full(one) & _full(other)) or _close(one, other)


def _full(name: str) -> frozenset[str]:
    """This will give the names that one may stand for, itself too."""
    return _forms().get(name, frozenset()) | {name}


def _close(one: str, other: str) -> bool:
    mine, theirs = spelt(one), spelt(other)
    if mine == theirs or len(min(one, other, key=len)) < 3:
        return mine == theirs
    return SequenceMatcher(None, mine, theirs).ratio() >= CLOSE


@lru_cache(maxsize=1)
def _forms() -> dict[str, frozenset[str]]:
    """This will give, for each name in the list, the full names that it may stand for."""
    found: dict[str, set[str]] = {}
    for line in re.split(r"[|\n]", SHORT_FORMS.strip()):
        names = [word for each in line.split() for word in _words(each)]
        for each in names:
            found.setdefault(each, set()).add(names[0])
    return {each: frozenset(full) for each, full in found.items()}
