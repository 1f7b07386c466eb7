"""What the broker lets through is what the services hear and say."""

from pathlib import Path
from typing import get_args

from deploy.nats import plan
from shared import names
from shared.programme import POSTS, Kind
from tests.house.test_openings import FACTS, created


def test_the_broker_takes_in_what_a_service_listens_to(tmp_path: Path) -> None:
    boards = {each: created(each, tmp_path).mailbox.board for each in names.SERVICES}

    assert {kind: name for name, board in boards.items() for kind in board.ingests} == plan.TAKES_IN
    assert {asked: name for name, board in boards.items() for asked in board.questions} == plan.REPLIES_TO


def test_organisations_may_post_what_some_service_takes_in() -> None:
    assert {each for some in POSTS.values() for each in some} == set(plan.TAKES_IN)
    assert set(POSTS) == set(get_args(Kind))


def test_the_broker_lets_a_sealed_fact_through_to_its_listener_alone() -> None:
    sealed = {(each.speaker(), each.SEALED_FOR) for each in FACTS.values() if each.SEALED_FOR}

    assert sealed == {(speaker, listener) for speaker, heard in plan.SEALS.items() for listener in heard}


def test_a_sealed_fact_is_heard_by_its_listener_and_nobody_else(tmp_path: Path) -> None:
    heard = {
        (name, fact)
        for name in names.SERVICES
        for fact, kind in created(name, tmp_path).mailbox.board.facts.items()
        if kind.SEALED_FOR
    }

    assert heard == {(each.SEALED_FOR, fact) for fact, each in FACTS.items() if each.SEALED_FOR}
