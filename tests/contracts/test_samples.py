"""What was once said can always be read: one published sample for every fact and version, never edited."""

import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared import names
from shared.events.fact import Fact, catalogue

SAMPLES = Path(__file__).parent / "samples"
DIGESTS = Path(__file__).parent / "digests.json"
FACTS = catalogue(*(import_module(f"shared.events.{each}") for each in names.SERVICES))
FILES = sorted(SAMPLES.rglob("*.json"))


def type_of(file: Path) -> str:
    """`samples/matching/match-made.v1.json` is a `matching.match-made.v1`."""
    return f"{file.parent.name}.{file.stem}"


def widened(value: Any) -> Any:
    """The same JSON, with a field more in every object, as a later version of its speaker may say it."""
    if isinstance(value, dict):
        return {**{name: widened(each) for name, each in value.items()}, "said_since": {"later": [1]}}
    return [widened(each) for each in value] if isinstance(value, list) else value


def keeps(value: Any, sample: Any) -> bool:
    """Whether a value still says all that a sample says; it may say more, for a version only grows."""
    if isinstance(sample, dict):
        return all(name in value and keeps(value[name], each) for name, each in sample.items())
    if isinstance(sample, list):
        return len(value) == len(sample) and all(map(keeps, value, sample))
    return bool(value == sample)


each_sample = pytest.mark.parametrize("file", FILES, ids=type_of)


def test_every_fact_has_a_published_sample() -> None:
    published = {type_of(each) for each in FILES}

    assert set(FACTS) - published == set(), "write tests/contracts/samples/<speaker>/<fact>.v<N>.json"


def test_every_published_sample_is_of_a_fact_that_is_still_heard() -> None:
    published = {type_of(each) for each in FILES}

    assert published - set(FACTS) == set(), "a fact that was published stays readable"


@each_sample
def test_a_sample_reads_and_writes_back_unchanged(file: Path) -> None:
    kind, sample = FACTS[type_of(file)], json.loads(file.read_text())

    fact = kind.model_validate_json(file.read_bytes())

    assert keeps(json.loads(fact.wire()), sample)
    assert kind.model_validate_json(fact.wire()) == fact


@each_sample
def test_fields_nobody_knows_yet_are_ignored(file: Path) -> None:
    kind, sample = FACTS[type_of(file)], json.loads(file.read_text())

    fact = kind.model_validate(widened(sample))

    assert fact == kind.model_validate(sample)


@each_sample
def test_a_sample_says_whom_it_is_about(file: Path) -> None:
    kind, sample = FACTS[type_of(file)], json.loads(file.read_text())

    fact: Fact = kind.model_validate(sample)

    assert fact.key() == sample[kind.KEY]
    assert names.kebab(kind.__name__) in fact.subject()


def test_a_published_sample_is_never_edited() -> None:
    published: dict[str, str] = json.loads(DIGESTS.read_text())
    found = {each.relative_to(SAMPLES).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest() for each in FILES}

    assert found == published, "a new sample adds its SHA-256 to digests.json; an old one is never changed: say a .v2"
