"""Words in free text that may mean danger: they raise a flag for a person to look at, and never clear one."""

import html
import re
import unicodedata
from collections.abc import Iterable

SELF = r"(him|her|them|my|your|one ?s?) ?sel(f|ves)"
WHOSE = r"(his|her|their|my|your)"
NOT = r"(do|does|did|would|don|doesn|didn|wouldn) ?(not|n?t)|no longer|never|not"
WANT = (
    r"(want(s|ed|ing)?( to)?|wanna|wish(es|ed|ing)?( to)?|"
    r"intend(s|ed|ing)? to|(plan(s|ned|ning)?|going|ready) to|gonna)"
)
HURT = r"(kill|hurt|harm|shoot|stab|strangle|murder|attack)(s|ing)?"
CLOSE = (
    r"(wife|husband|spouse|partner|girlfriend|boyfriend|ex|mother|mom|father|dad|step ?(mother|father|mom|dad)|"
    r"parents?|son|daughter|child(ren)?|kids?|baby|brother|sister|family|boss|neighbou?rs?|roommate)"
)
SOMEBODY = rf"(s?he|they|{CLOSE})"
ANYBODY = rf"(some(one|body)|any(one|body)|others|people|everyone|(the|{WHOSE}) {CLOSE})"
VIDA = r"(la|su|mi|tu)( propia)? vida"
MATAR = r"(matar|suicidar|lastimar|ahorcar|colgar|cortar|disparar|herir|hacer dano|quitar la vida)"
QUIERE = (
    r"(quier[eo]n?|quisier[ao]|quis[oe]|ha querido|va a|voy a|iba a|piens[ao] en|"
    r"trat[oae] de|intent[oae]|amenaza con|desea)"
)

PHRASES = (
    # To die, and not to live.
    r"suicid\w*|unalive\w*|death wish",
    rf"(kill|shoot|hang|drown|stab|burn|poison|starv|hurt|harm|injur|mutilat)(s|e|es|ed|ing|ning)? {SELF}|shot {SELF}",
    rf"cut(s|ting)? ({SELF}(?! (off|out|some|a|short|down))|{WHOSE} (wrists?|arms?|legs?|thighs?|throat|veins?))",
    rf"(end(s|ed|ing)?|tak(e|es|ing)|took) ({WHOSE}|{WHOSE} own) (li(fe|ves))(?! (back|serious))",
    rf"{WANT} (die|be dead|be gone forever|end (it|things))|(hop|pray)(es?|ed|ing)? to die|rather (die|be dead)",
    rf"wish\w* (to be|(({SOMEBODY}|i) (was|were|had been))) (dead|never born)",
    r"better off (dead|without (me|him|her|them)$)|better off without me",
    rf"({NOT}) (really |even |just )?{WANT} "
    r"(live|be alive|be here (any ?more|any longer)|wake up|exist|go on( living)?)",
    r"(no|any|see) (reason|point|purpose) (to|in|for) (live|living|going on)",
    r"end(s|ing)? (it all|(it|things) (tonight|today|now|soon|for good|for ever|forever))",
    r"self ?(harm|injur|mutilat|inflict|cutting)\w*",
    rf"(took|taken|swallowed) too many (of )?({WHOSE} )?(pills?|tablets?|meds|medications?)",
    rf"(took|taken|swallowed) (all|\d\d+|a (bottle|handful|lot)|the whole bottle)( of)?( the| {WHOSE})? "
    r"(pills?|tablets?)",
    r"overdos\w*|od ?(d|ed|ing) on|od d",
    r"jump(s|ed|ing)? (off|from) (a|the) (bridge|roof|building|balcony|window)|(goodbye|farewell) (letter|note)s?",
    rf"(gun|knife|rope|pills) and (a|the|{WHOSE}) plan|(active|passive|endorses|endorsed|current|recent) si",
    rf"(cannot|can not|can ?t|unable to) (keep|stay) ({SELF} )?safe",
    # To hurt others.
    rf"{HURT} {ANYBODY}|harm to others|danger to (others|{SELF})|homicid\w*",
    # To be hurt.
    r"(not|un) ?safe (at|in (his|her|their|my|the)) home|afraid (to go|of going) home",
    r"(abuse|violence|beaten|hit) (at|in the) home",
    rf"(being|is|am|m) abused|abused by|{SOMEBODY} (hits?|beats?|hurts?|chok(es?|ed)|strangles?) (me|him|her|them)",
    rf"{SOMEBODY} is (hitting|beating|hurting|choking|strangling) (me|him|her|them)|being (hit|beaten|choked|hurt) by",
    # In Spanish.
    rf"({QUIERE} )?morir(se|me)|{QUIERE} morir|ganas de morir\w*|mejor muert[oa]",
    rf"(me|se|te|lo|la|nos) {QUIERE} {MATAR}|{QUIERE} {MATAR}\w*|{MATAR}(se|me)|matar(lo|la|los|las) ?",
    rf"(acabar|terminar|acaba|acabo) con ({VIDA}|todo)|quit(ar|o)(se|me)? ({VIDA})",
    r"hacer(se|me) dano|hacer dano a (otros|alguien|los|las|mi|su)|autolesi\w*",
    r"me corto|se corta (los|las) (brazos?|venas?|munecas?)",
    r"no (quier[eo]|tien[eo] ganas de|tengo ganas de|desea) (seguir |mas )?"
    r"(vivi(r|endo)|estar viv[oa]|despertar|existir)",
    r"sobredosis|me (pegan?|golpean?|maltratan?|viol[oae]n?)|abusan? de (mi|el|ella)|no (esta|estoy) a salvo",
)
# No group is kept, and none is tried where a word ends: that takes a seventh of the time.
_ANY = re.compile(r"\b(?! )(?:" + re.sub(r"\((?!\?)", "(?:", "|".join(PHRASES)) + r")\b")
_TAG = re.compile(r"<[^<>]{1,100}>")


def plain(written: str) -> str:
    """This will give text without case, accents, markup and punctuation, for comparison only."""
    text = _TAG.sub(" ", html.unescape(written)) if "&" in written or "<" in written else written
    folded = text.casefold()
    if not folded.isascii():
        parts = unicodedata.normalize("NFKD", folded)
        # A soft hyphen, or a space of no width, parts no word.
        folded = "".join(
            each for each in parts if not unicodedata.combining(each) and unicodedata.category(each) != "Cf"
        )
    return re.sub(r"[^a-z0-9]+", " ", folded)


def may_mean_danger(notes: Iterable[str]) -> bool:
    """This will say whether any of the notes holds a phrase that a person must look at, in English or Spanish."""
    return any(_ANY.search(plain(each)) for each in notes)
