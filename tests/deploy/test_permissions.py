"""Who may do what on the broker: everything anybody might try, by every user, against a list written by hand."""

import pytest

from tests.deploy.ground import Ground, user
from tests.deploy.universe import HEARABLE, MAY_HEAR, MAY_PUBLISH, ORGANISATIONS, PUBLISHABLE, SERVICES

EVERYBODY = (*SERVICES, *ORGANISATIONS)


@pytest.mark.parametrize("name", [*EVERYBODY, "admin"])
async def test_publishes_what_is_its_own_and_nothing_else(bare: Ground, name: str):
    async with user(bare, name) as tries:
        allowed = await tries.allowed_to_publish(PUBLISHABLE)

    assert allowed == MAY_PUBLISH[name]


@pytest.mark.parametrize("name", [*EVERYBODY, "admin"])
async def test_hears_what_is_its_own_and_nothing_else(bare: Ground, name: str):
    async with user(bare, name) as tries:
        allowed = await tries.allowed_to_hear(HEARABLE)

    assert allowed == MAY_HEAR[name]


@pytest.mark.parametrize("name", ORGANISATIONS)
async def test_an_organisation_shares_no_replies_in_a_queue_group(bare: Ground, name: str):
    async with user(bare, name) as tries:
        allowed = await tries.allowed_to_hear(HEARABLE, queue="workers")

    assert allowed == set()
