"""A broker for the tests of a module, and one declared afresh."""

import asyncio
from collections.abc import Iterator

import pytest

from deploy.nats import topology
from tests.deploy.ground import ORGANISATIONS, Ground, ground


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A broker on which nothing is declared."""
    with ground(tmp_path_factory.mktemp("nats")) as running:
        yield running


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A broker with every stream and consumer of the four organisations."""
    with ground(tmp_path_factory.mktemp("nats")) as running:
        asyncio.run(topology.declare(running.url, running.admin_seed, ORGANISATIONS))
        yield running
