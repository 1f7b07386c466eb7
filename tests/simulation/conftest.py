"""The campaign begins with the whole run: its seeds are played on what the other tests leave of the processors.

Where several processes share the tests, it begins in the one that waits for it.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.simulation.many import Campaign, playing

UNDER_WAY = pytest.StashKey[Callable[[], Campaign]]()
USUAL = "2000"


def _seeds() -> int:
    return int(os.environ.get("SEEDS", USUAL))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to play, when anybody will want to know."""
    wanted = any("campaign" in getattr(each, "fixturenames", ()) for each in session.items)
    shared = hasattr(session.config, "workerinput")
    if wanted and not shared and not session.config.option.collectonly:
        _begin(session.config)


def _begin(config: pytest.Config) -> None:
    stack = ExitStack()
    config.add_cleanup(stack.close)
    config.stash[UNDER_WAY] = stack.enter_context(playing(_seeds()))


@pytest.fixture(scope="session")
def seeds() -> int:
    """How many seeds are played."""
    return _seeds()


@pytest.fixture(scope="session")
def campaign(request: pytest.FixtureRequest) -> Campaign:
    """What came of them all."""
    if UNDER_WAY not in request.config.stash:
        _begin(request.config)
    return request.config.stash[UNDER_WAY]()
