"""What the broker lets through is what the services hear and say."""

from pathlib import Path

from deploy.nats import plan
from shared import names
from shared.mailbox.listening import INGEST_KINDS
from tests.house.test_openings import FACTS, created


def test_the_broker_takes_in_what_a_service_listens_to(tmp_path: Path) -> None:
    boards = {each: created(each, tmp_path).mailbox.board for each in names.SERVICES}

    assert {kind: name for name, board in boards.items() for kind in board.ingests} == plan.TAKES_IN
    assert {asked: name for name, board in boards.items() for asked in board.questions} == plan.REPLIES_TO


def test_the_broker_and_the_services_agree_on_who_may_post_what() -> None:
    posts = {kind: {who for who, kinds in plan.POSTS.items() if kind in kinds} for kind in plan.TAKES_IN}

    assert {kind: set(who) for kind, who in INGEST_KINDS.items()} == posts


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
