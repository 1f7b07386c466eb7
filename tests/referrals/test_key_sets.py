"""An organisation keeps its public keys at its own address: it changes them there, and we ask as seldom as we can."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pydantic import ValidationError

from services.referrals.hook import Hooks
from services.referrals.key_sets import FRESH, LARGEST, LONGEST, PAUSE, KeySets, public_keys
from services.referrals.rules.hooks import Reach, origin
from shared.database import Database
from shared.programme import Organisation
from tests.referrals.endpoints import Endpoint, endpoint
from tests.referrals.makers import NOW, Desk, desk_on
from tests.referrals.test_tokens import PUBLIC, exchange, signed

FIRST, SECOND = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))


def key_set(**keys: Any) -> bytes:
    """A JWK Set of public keys, by their kid."""
    told = [{**json.loads(ECAlgorithm.to_jwk(each.public_key())), "kid": kid} for kid, each in keys.items()]
    return json.dumps({"keys": told}).encode()


@pytest.fixture
async def theirs() -> AsyncIterator[Endpoint]:
    """The address at which a hospital keeps its keys."""
    async with endpoint() as found:
        found.answer = key_set(first=FIRST)
        yield found


def hospital(url: str) -> Organisation:
    """A hospital that keeps its keys at an address."""
    return Organisation(organisation_id="general-hospital", name="General", kind="hospital", jwks_url=url)


@dataclass
class Watched:
    """Key sets on a clock that is turned by hand, and the hospital whose they are."""

    theirs: Endpoint
    time: datetime = NOW

    def __post_init__(self) -> None:
        reach = Reach(origins=frozenset({origin(self.theirs.url.rstrip("/"))}))
        self.sets = KeySets(lambda _: Hooks(reach), time=lambda: self.time)

    async def kids(self, kid: str | None = None) -> list[str]:
        """The keys that count, by name."""
        return [each["kid"] for each in await self.sets.of(hospital(self.theirs.url), kid)]


@pytest.fixture
def watched(theirs: Endpoint) -> Watched:
    """What is asked there, and when."""
    return Watched(theirs)


async def test_an_address_inside_is_asked_only_where_the_operator_names_it(small: Desk, theirs: Endpoint) -> None:
    small.service.programme.organisations["general-hospital"] = hospital(theirs.url)

    refused = await exchange(small, signed(FIRST, kid="first"))

    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert theirs.heads == []


async def test_a_token_is_given_for_a_key_that_its_organisation_keeps_itself(
    database: Database, tmp_path: Path, theirs: Endpoint
) -> None:
    origins = {"general-hospital": [theirs.url.rstrip("/")]}
    async with desk_on(database, tmp_path, hook_origins=origins) as desk:
        desk.service.programme.organisations["general-hospital"] = hospital(theirs.url)

        given = await exchange(desk, signed(FIRST, kid="first"))
        forged = await exchange(desk, signed(SECOND, kid="first"))

    assert (given.status_code, forged.status_code) == (200, 401)
    assert len(theirs.heads) == 1 and theirs.heads[0].startswith("GET / ")


async def test_a_new_key_counts_when_it_is_first_named_and_one_taken_away_ends_within_an_hour(watched: Watched) -> None:
    found = [await watched.kids("first")]
    watched.theirs.answer = key_set(second=SECOND)

    for kid, after in (("first", PAUSE), ("second", timedelta()), ("first", FRESH)):
        watched.time += after
        found.append(await watched.kids(kid))

    assert found == [["first"], ["first"], ["second"], ["second"]]
    assert len(watched.theirs.heads) == 3


async def test_a_stranger_who_names_keys_has_them_looked_for_once_a_minute(watched: Watched) -> None:
    for number in range(20):
        await watched.kids(f"made-up-{number}")
    watched.time += PAUSE
    await asyncio.gather(*(watched.kids(f"made-up-{number}") for number in range(20)))

    assert len(watched.theirs.heads) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"behaviour": 500},
        {"behaviour": "drop"},
        {"behaviour": "endless"},
        {"behaviour": 302},
        {"answer": b"<html>"},
        {"answer": b"[]"},
        {"answer": b'{"keys": []}'},
        {"answer": b'{"keys": [7]}'},
        {"answer": b" " * (LARGEST + 1)},
    ],
)
async def test_keys_that_are_known_count_for_a_day_while_their_address_gives_none(
    watched: Watched, wrong: dict[str, Any]
) -> None:
    await watched.kids()
    for name, value in wrong.items():
        setattr(watched.theirs, name, value)

    watched.time += FRESH
    soon = await watched.kids()
    watched.time += LONGEST
    late = await watched.kids()
    vars(watched.theirs).update(behaviour=200, answer=key_set(second=SECOND))
    watched.time += PAUSE

    assert (soon, late, await watched.kids()) == (["first"], [], ["second"])


async def test_what_is_registered_counts_beside_what_they_keep(watched: Watched) -> None:
    both = hospital(watched.theirs.url).model_copy(update={"jwks": PUBLIC})

    found = [each["kid"] for each in await watched.sets.of(both, None)]

    assert found == ["ec", "rsa", "broken", "first"]


def test_only_public_keys_of_known_kinds_are_taken() -> None:
    secret = {**json.loads(key_set(mine=FIRST))["keys"][0], "d": "secret", "kid": "secret"}
    others = [{"kty": "oct", "k": "AA"}, {"kty": "OKP", "x": "AA"}, secret, {"kty": "RSA", "kid": "rsa"}]

    assert [each["kid"] for each in public_keys(json.dumps({"keys": others}).encode())] == ["rsa"]


@pytest.mark.parametrize(
    "url", ["ftp://hospital.example/keys", "https://user@hospital.example/", "/keys", "https://h/#k"]
)
def test_an_address_that_is_none_is_refused_with_the_programme(url: str) -> None:
    with pytest.raises(ValidationError):
        hospital(url)
