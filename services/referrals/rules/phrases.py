"""Words in free text that may mean danger: they raise a flag for a person to look at, and never clear one."""

import re
import unicodedata
from collections.abc import Iterable

SELF = r"(him|her|them|my)sel(f|ves)"
PHRASES = (
    r"suicid\w*",
    rf"kill(s|ing)? {SELF}",
    r"(end(s|ing)?|tak(e|es|ing)) (his|her|their|my) (own )?life",
    r"(wants? to|wanna) die",
    r"wish\w* (to be|((s?he|i|they) (was|were))) dead",
    r"better off dead",
    r"(do not|don t|dont) (want to|wanna) (live|be alive|be here any ?more|wake up)",
    r"no reason to live",
    r"(took|taken|swallowed) too many (of )?((my|his|her|their) )?(pills?|tablets?|meds|medications?)",
    r"end it all",
    r"self harm\w*",
    rf"(hurt|harm)(s|ing)? {SELF}",
    r"(kill|hurt|harm)(s|ing)? (some(one|body)|others|people)",
    r"homicid\w*",
    r"overdos\w*",
    r"not safe at home",
    rf"(cannot|can not|can t|unable to) (keep|stay) ({SELF} )?safe",
    r"(being|is|am|m) abused",
    r"(he|she|husband|wife|partner|boyfriend|girlfriend) (hits?|beats?|hurts?|chokes?|choked) me",
    r"(he|she|husband|wife|partner|boyfriend|girlfriend) is (hitting|beating|hurting|choking) me",
    r"being (hit|beaten|choked|hurt) by",
    r"quier[eo] morir\w*",
    r"matar(se|me)",
    r"quitar(se|me) la vida",
    r"hacer(se|me) dano",
    r"hacer dano a (otros|alguien)",
    r"autolesi\w*",
    r"no quier[eo] (seguir )?vivi(r|endo)",
    r"sobredosis",
    r"me (pegan?|golpean?)",
)
_ANY = re.compile(r"\b(?:" + "|".join(PHRASES) + r")\b")


def plain(written: str) -> str:
    """This will give text without case, accents and punctuation, for comparison only."""
    folded = written.casefold()
    if not folded.isascii():
        folded = "".join(each for each in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", " ", folded)


def may_mean_danger(notes: Iterable[str]) -> bool:
    """This will say whether any of the notes holds a phrase that a person must look at, in English or Spanish."""
    return any(_ANY.search(plain(each)) for each in notes)
