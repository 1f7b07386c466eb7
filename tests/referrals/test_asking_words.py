"""The words of the pages at /ask: the same in every language, plain enough to read, and neutral."""

import hashlib
import json
import re
from pathlib import Path
from string import Template

import pytest

from services.referrals.asking import pages, words
from services.referrals.asking.form import NO_MESSAGES, YOUNG
from services.referrals.rules.asked import STANDINGS
from services.referrals.rules.phrases import may_mean_danger

HARDEST_GRADE, LEAST_EASE = 6, 70
"""The school year that English may need (Flesch-Kincaid); the least ease of Spanish (Fernandez-Huerta: fairly easy)."""

TEMPLATES = sorted(pages.FOLDER.glob("*.html"))
ENGLISH, SPANISH = (words.read_words()[each] for each in ("en", "es"))


def syllables(word: str, language: str) -> int:
    """How many syllables a word has, rather one too many than one too few."""
    if language == "en":
        heard = re.sub(r"(?<=[^aeiouyl])es?$|(?<=[^aeiouytd])ed$|(?<=[aeiouy]l)e$", "", word)
        return max(1, len(re.findall(r"[aeiouy]+", heard)) + len(re.findall(r"ia|io(?!u)|[^q]uo|eo(?!p)|iu", heard)))
    strong = re.findall(r"[iuü]?[aeoáéó][iuüy]?|[íú]|[iuü]+y?|y$", re.sub(r"qu(?=[eéií])|gu(?=[eéií])", "q", word))
    return max(1, len(strong))


def counts(text: str, language: str) -> tuple[int, int, int]:
    """Sentences, words and syllables."""
    found = re.findall(r"[^\W\d_]+(?:'[a-z]+)?", text.lower())
    sentences = [each for each in re.split(r"[.?!:]+(?:\s|$)", text) if re.search(r"\w", each)]
    return len(sentences), len(found), sum(syllables(each, language) for each in found)


def grade(text: str) -> float:
    """The Flesch-Kincaid grade of English."""
    sentences, spoken, parts = counts(text, "en")
    return 0.39 * spoken / sentences + 11.8 * parts / spoken - 15.59


def ease(text: str) -> float:
    """The ease of reading Spanish, as Fernandez-Huerta has it: 100 is easiest."""
    sentences, spoken, parts = counts(text, "es")
    return 206.84 - 60 * parts / spoken - 1.02 * spoken / sentences


def whole(language: words.Words) -> str:
    """Everything that is told in a language, each as a sentence."""
    return " ".join(each if each[-1] in ".?!" else f"{each}." for each in language.told.values())


@pytest.mark.parametrize(
    ("word", "language", "number"),
    [
        ("supporter", "en", 3), ("people", "en", 2), ("safe", "en", 1), ("called", "en", 1), ("language", "en", 2),
        ("choose", "en", 1), ("voice", "en", 1), ("emergency", "en", 4), ("needed", "en", 2), ("video", "en", 3),
        ("persona", "es", 3), ("quiere", "es", 2), ("todavía", "es", 4), ("ayuda", "es", 3), ("oír", "es", 2),
        ("escuela", "es", 3), ("ahora", "es", 3), ("línea", "es", 3), ("siguiente", "es", 3), ("muy", "es", 1),
    ],
)  # fmt: skip
def test_counts_syllables_as_people_speak_them(word: str, language: str, number: int) -> None:
    assert syllables(word, language) == number


def test_hard_words_are_told_from_easy_ones() -> None:
    assert grade("The cat sat on the mat. It was warm.") < 1
    assert grade("Participation necessitates authorization by a supervising organization.") > 15
    assert ease("El gato duerme. Hace sol.") > 90
    assert ease("La participación necesita autorización de organizaciones supervisoras competentes.") < 30


def test_no_key_is_missing_in_either_language() -> None:
    assert ENGLISH.told.keys() == SPANISH.told.keys()
    assert all(each.strip() for each in (*ENGLISH.told.values(), *SPANISH.told.values()))


def test_both_languages_leave_the_same_places_open() -> None:
    def places(told: dict[str, str]) -> dict[str, list[str]]:
        return {key: sorted(Template(each).get_identifiers()) for key, each in told.items()}

    assert places(ENGLISH.told) == places(SPANISH.told)


def test_no_words_are_kept_that_no_page_tells() -> None:
    source = " ".join(each.read_text() for each in [*TEMPLATES, *Path(pages.__file__).parents[1].rglob("*.py")])
    made = {f"{each}{end}" for each in ("warm_line", "drop_in", "group") for end in ("", "_text")}
    made |= {
        f"{each}{end}"
        for each in set(STANDINGS.values()) | {"taken_back", "stopping", "linked"}
        for end in ("", "_text")
    }
    made |= {each for each in ENGLISH.told if re.match(r"(risk|meet|when|gender|step|elsewhere)_", each)}

    told = set(re.findall(r"['\"](\w+)['\"]", source)) | made

    assert set(ENGLISH.told) - told == set()


def test_english_needs_six_years_of_school_at_most() -> None:
    assert grade(whole(ENGLISH)) <= HARDEST_GRADE


@pytest.mark.parametrize("key", [key for key, each in ENGLISH.told.items() if len(each.split()) >= 8])
def test_no_text_on_a_page_is_harder_than_that(key: str) -> None:
    assert grade(ENGLISH.told[key]) <= HARDEST_GRADE


def test_spanish_is_easy_to_read() -> None:
    assert ease(whole(SPANISH)) >= LEAST_EASE


@pytest.mark.parametrize("key", [key for key, each in SPANISH.told.items() if len(each.split()) >= 8])
def test_no_text_in_spanish_is_much_harder_than_that(key: str) -> None:
    assert ease(SPANISH.told[key]) >= LEAST_EASE


@pytest.mark.parametrize("language", [ENGLISH, SPANISH])
def test_nothing_on_a_page_names_an_illness_or_what_the_person_may_live_with(language: words.Words) -> None:
    named = re.compile(
        r"mental|health|salud|illness|enfermedad|diagnos|disorder|trastorno|patient|paciente|clinic|recover|recupera"
        r"|addict|adic|alcohol|depress|depres|anxi|ansi|therap|terap|crisis|psych|psic",
        re.IGNORECASE,
    )

    assert {key: each for key, each in language.told.items() if named.search(each)} == {}


def test_what_somebody_agrees_to_has_a_version_of_its_own() -> None:
    agreed = json.dumps([each.told[key] for each in (ENGLISH, SPANISH) for key in ("agree_h", "agree")])

    assert (words.AGREED, hashlib.sha256(agreed.encode()).hexdigest()[:16]) == ("asked-1", "7eb9379a6ee957bb")


def test_what_is_noted_for_whoever_calls_is_no_sign_of_danger() -> None:
    assert not may_mean_danger([NO_MESSAGES, YOUNG])


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "es", "es"),
        ("", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("", "en-US,es;q=0.9", "en"),
        ("", "fr;q=0.9, es;q=0.3, en;q=0.2", "es"),
        ("", "en;q=0, es;q=0.1", "es"),
        ("", "es;q=nan, en;q=0.1", "en"),
        ("", "es;q=nothing;;,,=", "en"),
        ("", "fr", "en"),
        ("es", "en", "es"),
        ("xx", "es", "es"),
    ],
)
def test_a_page_is_in_the_language_that_is_asked_for(wanted: str, accepted: str, language: str) -> None:
    assert words.choose(wanted, accepted) == language
