"""Which words and codes of a referral tell of substance use, and so protect all of it (42 CFR Part 2)."""

import re
from pathlib import Path
from typing import Any

import pytest

from services.referrals.rules.protection import protected
from services.referrals.rules.substances import CAPITALS, PATHWAYS, WORDS
from shared.events import vocabulary
from tests.referrals.makers import order, request
from tests.referrals.test_fhir_words import ours

DOCUMENTED = Path(__file__).parents[2] / "docs" / "fhir-extensions.md"

TOLD = (
    "abuso de sustancias", "cocaína", "Marihuana", "opiáceos", "borracho", "on methadone", "takes Suboxone",
    "buprenorphine since May", "meth", "crack", "detox twice", "out of rehab", "drinks heavily", "drank every day",
    "found drunk", "goes to AA meetings", "goes to A.A. on Mondays", "AA", "relapsed", "an overdose in March",
    "sobriety", "DRUG_USE", "Alcohol-related", "bebe demasiado", "recaída", "en Alcohólicos Anónimos",
    "substance-use disorder",
)  # fmt: skip
ORDINARY = (
    "a method of her own", "methodical", "aa battery", "the bebé sleeps", "algo sustancial", "substantial", "drugstore",
    "the heroine of it", "socially withdrawn", "drinks coffee", "the yoga mat", "cracked a tooth", "crackers",
    "takes medication for sleep", "recovery after surgery", "physical rehabilitation", "NA", "sees her PCP", "soberano",
    "weeds the garden", "pottery class", "una bebida", "toma la metro", "años",
)  # fmt: skip


def on_code(field: str, value: Any) -> bool:
    """Whether a referral is protected that has a code among its needs."""
    return protected(order(needs={field: value}))


@pytest.mark.parametrize("written", [each.replace("*", "") for each in WORDS] + list(CAPITALS))
def test_every_word_of_the_list_protects_wherever_it_stands_in_a_note(written: str) -> None:
    assert protected(order(notes=["She is well.", f"Her doctor says: {written}, since last May."]))
    assert protected(order(notes=[written.upper()]))


@pytest.mark.parametrize("written", TOLD)
def test_what_clinics_and_people_write_of_substance_use_protects(written: str) -> None:
    assert protected(order(notes=[written]))


@pytest.mark.parametrize("written", ORDINARY)
def test_ordinary_words_that_only_look_alike_protect_nothing(written: str) -> None:
    assert not protected(order(notes=[written]))


@pytest.mark.parametrize(
    "said",
    [
        {"needs": {"challenges": ["opioids"]}},
        {"needs": {"challenges": ["cannabis"]}},
        {"needs": {"challenges": ["stimulants"]}},
        {"needs": {"life_tags": ["addiction_survivor"]}},
        {"needs": {"goals": ["housing", "sobriety"]}},
        {"needs": {"pathway": "sober_living"}},
        {"preferences": {"communities": ["lgbtq", "narcotics_anonymous", "sober"]}},
        {"preferences": {"gender": "a sober woman"}},
        {"consents": [{"scope": "my alcohol treatment"}]},
        {"consents": [{"scope": "the visits"}, {"scope": "mi tratamiento de adicción"}]},
    ],
)
def test_a_word_protects_in_needs_wishes_and_what_was_agreed_to(said: dict[str, Any]) -> None:
    assert protected(order(**said))


def test_of_the_documented_codes_only_three_pathways_protect() -> None:
    rows = dict(
        re.findall(r"\| `(need-pathway|need-goal|need-life-tag)`[^|]*\|[^|]*\| (.*) \|", DOCUMENTED.read_text())
    )
    codes = {
        name: set(re.findall(r"\b[a-z]+(?:_[a-z]+)*\b", re.sub(r"\(.*?\)\)?", "", row))) for name, row in rows.items()
    }

    assert codes["need-pathway"] > PATHWAYS
    assert {each for each in codes["need-pathway"] | vocabulary.PATHWAYS if on_code("pathway", each)} == PATHWAYS
    assert [each for each in codes["need-goal"] | vocabulary.GOALS if on_code("goals", [each])] == []
    assert [each for each in codes["need-life-tag"] | vocabulary.LIFE_TAGS if on_code("life_tags", [each])] == []
    assert [each for each in vocabulary.COMMUNITIES if protected(order(preferences={"communities": [each]}))] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"code": {"text": "Peer support after detox"}},
        {"category": [{"coding": [{"code": "social-connection", "display": "Substance use"}]}]},
        {"reasonReference": [{"display": "Trastorno por consumo de cocaína"}]},
    ],
)
def test_what_a_request_asks_for_protects_though_its_words_are_not_kept(asked: dict[str, Any]) -> None:
    assert protected(ours(request(**asked)))
    assert not protected(ours(request()))
