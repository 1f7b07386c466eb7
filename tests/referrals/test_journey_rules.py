"""How a referral's state advances, and what its referrer may see."""

from itertools import permutations
from typing import get_args

import pytest

from services.referrals.rules.journey import EVENTS, LEADS_TO, NEXT, Event, State
from services.referrals.rules.seeing import Closing, Milestones, seen
from tests.referrals.makers import NOW

ORDER = ("accepted", "waitlisted", "offered", "matched", "first_scheduled", "engaged", "completed")


def test_has_an_answer_for_every_state_and_event() -> None:
    assert set(LEADS_TO) == set(EVENTS)


@pytest.mark.parametrize("state", ["crisis_review", "needs_screen", "needs_info", "refused", "closed"])
def test_only_people_move_what_is_held_or_refused(state: str) -> None:
    assert {after for (before, _), after in NEXT.items() if before == state} == {state}


def test_never_goes_back_but_waiting_and_being_offered_alternate() -> None:
    alternates = {("offered", "waitlisted")}
    lapses = {("engaged", "series_unkept"), *((each, "series_ended") for each in ORDER[:5])}
    lapses |= {(each, "series_unkept") for each in ORDER[:5]}

    for (before, event), after in NEXT.items():
        if before in ORDER and (before, event) not in alternates | lapses:
            assert ORDER.index(after) >= ORDER.index(before), (before, event)


def test_ends_alike_in_whatever_order_the_services_are_heard() -> None:
    heard = ("offer_made", "match_made", "series_booked", "missed", "first_kept", "series_ended")
    of_visits = heard[2:]

    ends = set()
    for some in permutations(heard):
        # What one service says of a person is heard in its order.
        if tuple(each for each in some if each in of_visits) != of_visits:
            continue
        state = "accepted"
        for event in some:
            state = NEXT[state, event]
        ends.add(state)

    assert ends == {"completed"}


@pytest.mark.parametrize("state", ["accepted", "waitlisted", "offered", "matched", "first_scheduled"])
@pytest.mark.parametrize("event", ["series_ended", "series_unkept"])
def test_only_a_visit_that_was_kept_completes_a_referral(state: State, event: Event) -> None:
    completed = {before for (before, _), after in NEXT.items() if after == "completed" != before}

    assert NEXT[state, event] == "lapsed"
    assert (NEXT["lapsed", "first_kept"], NEXT["lapsed", "series_booked"]) == ("completed", "first_scheduled")
    assert completed == {"engaged", "lapsed"}


@pytest.mark.parametrize("reason", get_args(Closing))
def test_gives_the_reason_of_every_closing_as_far_as_the_person_agreed(reason: str) -> None:
    told = seen("closed", reasons=(reason,), consented=True, part2=False)
    silent = seen("closed", reasons=(reason,), consented=False, part2=False)
    met = seen("closed", reasons=(reason,), consented=False, part2=False, milestones=Milestones(first_visit=NOW))

    assert told.status in ("cancelled", "failed", "rejected") and told.reason and told.code == reason
    assert silent.code == (reason if reason in ("no_place", "ineligible") else None)
    assert (met.status, met.reason) == ("accepted", None)


@pytest.mark.parametrize("state", ["lapsed", "closed"])
def test_tells_nothing_of_how_it_ended_for_a_protected_person(state: State) -> None:
    milestones = Milestones(first_visit=NOW)

    told = seen(state, reasons=("declined",), consented=True, part2=True, milestones=milestones)

    assert (told.status, told.business, told.reason) == ("accepted", "connected", None)


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize(("consented", "part2"), [(False, False), (False, True), (True, True)])
@pytest.mark.parametrize("state", [*ORDER, "lapsed", "closed"])
def test_a_withdrawal_tells_who_may_not_know_nothing_of_an_end(
    state: State, consented: bool, part2: bool, late: bool
) -> None:
    milestones = Milestones(first_visit=NOW, kept=3, too_late=late)

    told = seen(
        state, order="withdrawn", reasons=("declined",), consented=consented, part2=part2, milestones=milestones
    )

    assert told == seen("accepted", order="withdrawn", consented=False, part2=False)


@pytest.mark.parametrize(
    ("state", "reasons", "status"),
    [("completed", (), "completed"), ("closed", ("declined",), "cancelled"), ("closed", ("no_place",), "rejected")],
)
def test_what_was_over_before_it_was_taken_back_stays_as_it_ended(
    state: State, reasons: tuple[str, ...], status: str
) -> None:
    before = seen(state, reasons=reasons, consented=True, part2=False)
    late = seen(
        state, order="withdrawn", reasons=reasons, consented=True, part2=False, milestones=Milestones(too_late=True)
    )
    early = seen(state, order="withdrawn", reasons=reasons, consented=True, part2=False)

    assert (late.status, late.business, early.business) == (status, before.business, "withdrawn")
    assert (late.reason or "").endswith("It was over before you took it back: that changes nothing.")


@pytest.mark.parametrize("state", ORDER)
def test_tells_no_more_than_accepted_without_consent(state: str) -> None:
    told = seen(state, consented=False, part2=False, milestones=Milestones(first_visit=NOW, kept=3))

    assert (told.status, told.business, told.milestones) == ("accepted", "accepted", Milestones())


@pytest.mark.parametrize("state", ORDER)
def test_tells_of_a_protected_person_only_that_they_are_connected(state: str) -> None:
    told = seen(state, consented=True, part2=True, milestones=Milestones(first_visit=NOW, kept=3))

    connected = ORDER.index(state) >= ORDER.index("matched")
    assert (told.status, told.business) == ("accepted", "connected" if connected else "accepted")
    assert (told.notice, told.milestones) == (connected, Milestones())


def test_tells_dates_where_the_person_agreed() -> None:
    told = seen("engaged", consented=True, part2=False, milestones=Milestones(first_visit=NOW, first_kept=NOW))

    assert (told.status, told.business) == ("in-progress", "engaged")
    assert told.milestones.first_kept == NOW


def test_asks_one_clear_question_and_gives_the_reason_of_a_refusal() -> None:
    asked = seen("needs_info", reasons=("birth_date",), consented=False, part2=True)
    declined = seen("refused", reasons=("age",), consented=False, part2=True)

    assert (asked.status, asked.reason) == ("on-hold", "What is the person's full date of birth?")
    assert declined.status == "rejected" and declined.reason and "12 years" in declined.reason
