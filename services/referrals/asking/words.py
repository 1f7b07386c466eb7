"""The words of the pages, in each language: one file each, with the same keys."""

import json
from dataclasses import dataclass
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "languages"
LANGUAGES = ("en", "es")
"""The languages of the pages; the first is for whoever asks for none of them."""

SPOKEN = {
    "en": "English",
    "es": "Español",
    "ar": "العربية",
    "ase": "American Sign Language",
    "fr": "Français",
    "hi": "हिन्दी",
    "ht": "Kreyòl ayisyen",
    "ko": "한국어",
    "pt": "Português",
    "ru": "Русский",
    "tl": "Tagalog",
    "vi": "Tiếng Việt",
    "zh": "中文",
}
"""What somebody may wish to speak, each in its own words."""

AGREED = "asked-1"
"""The version of what somebody agrees to: another wording is another version."""


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    code: str
    told: dict[str, str]

    def say(self, key: str, **values: object) -> str:
        """This will give the words for a key, with values in their places; KeyError where there are none."""
        return Template(self.told[key]).substitute(values)

    def of(self, by_language: dict[str, str]) -> str:
        """This will choose among words that a programme wrote: this language, English, or whatever there is."""
        return by_language.get(self.code) or by_language.get("en") or next(iter(by_language.values()))


def read_words() -> dict[str, Words]:
    """This will read every language."""
    return {each: Words(each, json.loads((FOLDER / f"{each}.json").read_text("utf-8"))) for each in LANGUAGES}


def choose(wanted: str, accepted: str) -> str:
    """This will choose the language of a page: the one that is `wanted`, else the best that a browser accepts."""
    if wanted in LANGUAGES:
        return wanted
    best, weight = LANGUAGES[0], 0.0
    for each in accepted[:500].split(","):
        tag, _, rest = each.partition(";")
        code = tag.strip().lower().partition("-")[0]
        if code in LANGUAGES and (its := _weight(rest)) > weight:
            best, weight = code, its
    return best


def _weight(rest: str) -> float:
    name, _, value = rest.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        found = float(value)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
