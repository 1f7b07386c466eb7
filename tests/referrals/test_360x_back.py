"""An order of 360X is taken back where it is known which one is meant, and who sent it is told what is so."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from shared.events.referrals import ConsentGiven, CrisisRaised, ReferralAccepted, ReferralRefused
from shared.mailbox import Ingested
from tests.referrals.makers import NOW, Desk, patient, request
from tests.referrals.pipes import HL7, ORDER, ordered, unordered
from tests.referrals.test_360x import both, notes, standing
from tests.referrals.test_following import facts
from tests.referrals.test_mllp import answered, line

PEER = "OBR|1|||461481000124109^Referral to peer support^SCT"
BEA = "PID|1||M-2^^^GENERAL^MR||OTHER^BEA||19800101|F"
WRITTEN_OTHERWISE = [
    ("R-1^EPIC", "r-1^EPIC"),
    ("R-1^EPIC", " R-1 ^epic"),
    ("R-1^EPIC", "R-1"),
    ("R-1", "R-1^EPIC"),
    ("R-1^EPIC", "R-1^EPIC^1.2.3^ISO"),
    ("R-1^EPIC^1.2.3^ISO", "R-1^EPIC"),
    ("R-1^EPIC^1.2.3^ISO", "R-1^EPIC^1.2.3"),
    ("R-1^EPIC^1.2.3^ISO", "r-1^^1.2.3^ISO"),
]
CONTRADICTS = [
    ("R-1^EPIC", "R-1^LAB"),
    ("R-1^EPIC", "R-1^LAB^1.2.3^ISO"),
    ("R-1^EPIC^1.2.3^ISO", "R-1^EPIC^1.9^ISO"),
    ("R-1^EPIC^1.2.3^ISO", "r-1^LAB"),
]


def new(number: str = "R-1^EPIC", **changed: str | None) -> bytes:
    """An order with a number as it is written."""
    segments: dict[str, Any] = {"ORC": f"ORC|NW|{number}", "OBR": PEER} | changed
    return ordered(**segments)


def back(number: str = "R-1^EPIC", **changed: str | None) -> bytes:
    """What takes an order back, and says nothing of the person."""
    segments: dict[str, Any] = {"ORC": f"ORC|CA|{number}", "PID": None} | changed
    return unordered(**segments)


def asks(number: str = "R-1^EPIC") -> bytes:
    """A question where an order stands."""
    return ordered(ORC=f"ORC|SS|{number}", PID=None, TQ1=None, OBR=None, DG1=None, OBX=None)


async def told(desk: Desk, *raws: bytes, who: str = "general-hospital") -> list[Any]:
    """The status that answers each of some messages."""
    async with line(desk, who) as port:
        return [(await both(port, each))[1] for each in raws]


async def kinds(desk: Desk) -> list[str]:
    """What people are asked to do."""
    return sorted(each.kind for each in await desk.work())


def number_of(answer: Any) -> str:
    """Our number of an order."""
    return str(answer.segment("ORC")[3]).partition("^")[0]


def why(answer: Any) -> str:
    """The reason in ORC-16."""
    return str(answer.segment("ORC")[16])


async def ended(desk: Desk, steps: Sequence[str] = ("match", "series", "first", "ended")) -> None:
    """Let other services say what became of the one referral."""
    (accepted,) = await desk.said(ReferralAccepted)
    said = facts(accepted)
    await desk.hear(*(said[each] for each in steps))


@pytest.mark.parametrize(("written", "otherwise"), WRITTEN_OTHERWISE)
async def test_an_order_whose_number_is_written_otherwise_is_taken_back(
    desk: Desk, written: str, otherwise: str
) -> None:
    before, after, again, later = await told(desk, new(written), back(otherwise), back(otherwise), asks(written))

    assert [standing(each) for each in (after, again, later)] == [("CR", "CA"), ("CR", "CA"), ("SR", "CA")]
    assert number_of(after) == number_of(before)
    (refused,) = await desk.said(ReferralRefused)
    assert (str(refused.referral_id), refused.reason) == (number_of(before), "withdrawn")
    assert await kinds(desk) == []


async def test_the_number_of_an_order_goes_back_with_all_that_was_written_of_it(small: Desk) -> None:
    _, after = await told(small, new("R-1^EPIC^1.2.3^ISO"), back("r-1^EPIC"))

    assert str(after.segment("ORC")[2]) == "R-1^EPIC^1.2.3^ISO"


@pytest.mark.parametrize(("written", "otherwise"), CONTRADICTS)
async def test_an_order_of_another_giver_goes_on_and_somebody_asks_which_is_meant(
    desk: Desk, written: str, otherwise: str
) -> None:
    before, after, again, later = await told(desk, new(written), back(otherwise), back(otherwise), asks(written))

    assert [standing(each) for each in (after, again)] == [("UC", "ER")] * 2
    assert "No such referral" in why(after) and "nothing to take back" in notes(after)
    assert standing(later) == ("SR", "IP")
    (task,) = await desk.work()
    assert (task.kind, task.about.split()[0]) == ("changed_referral", number_of(before))


async def test_an_order_of_another_person_is_not_taken_back_for_a_number_written_otherwise(desk: Desk) -> None:
    _, after, later = await told(desk, new(), back("r-1^EPIC", PID=BEA), asks())

    assert [standing(each) for each in (after, later)] == [("UC", "ER"), ("SR", "IP")]
    assert await kinds(desk) == ["changed_referral"]


async def test_an_order_goes_on_that_is_taken_back_by_its_number_for_somebody_else(desk: Desk) -> None:
    async with line(desk) as port:
        await both(port, new())
        refused = [await answered(port, back(PID=BEA)) for _ in range(2)]
        _, right = await both(port, back())

    assert [(str(each.segment("MSA")[1]), str(each.segment("ERR")[2])) for each in refused] == [("AE", "PID^1")] * 2
    assert standing(right) == ("CR", "CA")
    (task,) = await desk.work()
    assert task.kind == "changed_referral"
    assert (task.note or "").splitlines()[1:-1] == [
        "status: active, now withdrawn",
        "person identifiers: also GENERAL M-2",
        "person first name: ANA, now BEA",
        "person family name: EXAMPLE, now OTHER",
        "person birth date: 1990-05-06, now 1980-01-01",
    ]


async def test_on_the_bus_too_it_is_said_where_a_withdrawal_of_somebody_else_is_wrong(desk: Desk) -> None:
    await desk.post_on_bus(new(), media=HL7)
    await desk.post_on_bus(back(PID=BEA), media=HL7)

    first, refused = await desk.told()
    assert (first["status"], refused["resourceType"]) == ("accepted", "OperationOutcome")
    assert refused["issue"][0]["code"] == "conflict"


async def test_a_revoked_request_of_somebody_else_is_a_conflict_over_http(desk: Desk) -> None:
    number = await desk.referred(request())
    other = patient(birthDate="1980-01-01", name=[{"given": ["Bea"], "family": "Other"}])

    refused = await desk.refer(request(status="revoked", contained=[other]))

    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (409, "conflict")
    assert (await desk.task(number))["status"] == "accepted"
    assert await kinds(desk) == ["changed_referral"]


async def test_danger_in_what_takes_back_an_order_of_somebody_else_is_raised(desk: Desk) -> None:
    notes = "NTE|1||she wants to kill herself"

    async with line(desk) as port:
        await both(port, new())
        refused = await answered(port, back(PID=BEA, NTE=notes))

    assert "988" in str(refused.segment("ERR")[8])
    assert len(await desk.said(CrisisRaised)) == 1
    assert await kinds(desk) == ["changed_referral", "crisis"]


async def test_a_withdrawal_that_names_no_number_of_ours_says_which_it_named(desk: Desk) -> None:
    await told(desk, new(), back("X-9^EPIC", PID=ORDER["PID"]))

    (task,) = await desk.work()
    assert "identifier value: R-1, now X-9" in (task.note or "").splitlines()


async def test_of_two_orders_with_one_number_none_is_taken_back_and_they_stay_two(desk: Desk) -> None:
    one, other, after = await told(desk, new("R-1^EPIC"), new("r-1^EPIC", PID=BEA), back("R-1"))

    assert number_of(one) != number_of(other)
    assert standing(after) == ("UC", "ER")
    assert {each.about.split()[0] for each in await desk.work() if each.kind == "changed_referral"} == {
        number_of(one),
        number_of(other),
    }


async def test_leading_zeros_make_another_number(desk: Desk) -> None:
    _, after, later = await told(desk, new("007^EPIC"), back("7^EPIC"), asks("007^EPIC"))

    assert [standing(each) for each in (after, later)] == [("UC", "ER"), ("SR", "IP")]
    assert await kinds(desk) == []


async def test_somebody_asks_where_another_number_is_taken_back_of_a_person_we_have(desk: Desk) -> None:
    _, after, later = await told(desk, new(), back("X-9^EPIC", PID=ORDER["PID"]), asks())

    assert [standing(each) for each in (after, later)] == [("UC", "ER"), ("SR", "IP")]
    assert await kinds(desk) == ["changed_referral"]


async def test_they_are_asked_once_about_a_person_however_many_of_theirs_go_on(desk: Desk) -> None:
    person: dict[str, str | None] = {"PID": ORDER["PID"]}
    await told(desk, *(new(f"R-{each}^EPIC", **person) for each in range(3)), back("X-9^EPIC", **person))

    assert await kinds(desk) == ["changed_referral"]


async def test_nobodys_order_is_taken_back_by_another_organisation(desk: Desk) -> None:
    await told(desk, new())
    (after,) = await told(desk, back("r-1^EPIC"), who="silent-centre")

    assert standing(after) == ("UC", "ER")
    assert await kinds(desk) == []


@pytest.mark.parametrize(("wanted", "state", "stands"), [(True, "accepted", "IP"), (False, "refused", "CA")])
async def test_an_order_that_comes_again_after_it_was_taken_back_is_held_for_a_person(
    desk: Desk, wanted: bool, state: str, stands: str
) -> None:
    first, _, again, repeated, later = await told(desk, new(), back(), new(), new(), asks())

    assert [standing(each) for each in (again, repeated, later)] == [("SC", "HD"), ("SC", "HD"), ("SR", "HD")]
    assert number_of(again) == number_of(first) and "taken back before" in notes(again)
    assert await kinds(desk) == ["missing_info"]
    said = {"by": "Robin", "still_wanted": wanted}
    asked = await desk.ask("POST", f"/referrals/{number_of(first)}/details", who="agency", json=said)
    (last,) = await told(desk, asks())
    assert (asked.json()["state"], standing(last), await kinds(desk)) == (state, ("SR", stands), [])
    assert len(await desk.said(ReferralAccepted)) == 1 + wanted


async def test_an_order_that_comes_after_what_takes_it_back_is_not_lost(desk: Desk) -> None:
    early, late = await told(desk, back(), new())
    said = {"by": "Robin", "still_wanted": True}

    asked = await desk.ask("POST", f"/referrals/{number_of(late)}/details", who="agency", json=said)
    after, other = await told(desk, back(), new("R-2^EPIC"))

    assert [standing(each) for each in (early, late, after)] == [("UC", "ER"), ("SC", "HD"), ("CR", "CA")]
    assert asked.json()["state"] == "accepted"
    one, two = await desk.said(ReferralAccepted)
    assert (one.needs.challenges, one.person_id) == (["depression"], two.person_id)
    assert {str(one.referral_id), str(two.referral_id)} == {number_of(late), number_of(other)}


@pytest.mark.parametrize(("written", "otherwise"), WRITTEN_OTHERWISE)
async def test_an_order_whose_withdrawal_came_first_with_its_number_written_otherwise_is_held(
    desk: Desk, written: str, otherwise: str
) -> None:
    early, late = await told(desk, back(otherwise), new(written))

    assert [standing(each) for each in (early, late)] == [("UC", "ER"), ("SC", "HD")]
    (task,) = await desk.work()
    assert (task.kind, task.about) == ("missing_info", number_of(late))


@pytest.mark.parametrize(("written", "otherwise"), CONTRADICTS)
async def test_an_order_of_another_giver_is_not_held_for_what_was_taken_back_before(
    desk: Desk, written: str, otherwise: str
) -> None:
    _, late = await told(desk, back(otherwise), new(written))

    assert standing(late) == ("OK", "IP")
    assert await kinds(desk) == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("raws", [(back(), new()), (new(), back(), new())], ids=["wrong order", "again"])
async def test_what_comes_on_the_bus_after_it_was_taken_back_is_held_for_a_person(
    desk: Desk, raws: Sequence[bytes], together: bool
) -> None:
    posts = [Ingested("general-hospital", "referral", each, HL7, str(uuid4())) for each in raws]

    for some in [posts] if together else [[each] for each in posts]:
        await desk.hear(*some)

    assert (await desk.told())[-1]["status"] == "on-hold"
    assert await kinds(desk) == ["missing_info"]


async def test_danger_in_an_order_that_comes_again_is_looked_at_first_and_then_it_is_asked(desk: Desk) -> None:
    _, again = await told(desk, back(), new(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||flagged"))

    looked = {"by": "Kim", "reason": "spoke with her", "outcome": "clear"}
    cleared = await desk.ask("POST", f"/referrals/{number_of(again)}/screening", who="agency", json=looked)

    assert standing(again) == ("SC", "HD") and "988" in notes(again)
    assert len(await desk.said(CrisisRaised)) == 1
    assert (cleared.json()["state"], await kinds(desk)) == ("needs_info", ["missing_info"])


async def test_an_order_taken_back_after_a_match_and_asked_for_again_goes_on_and_a_person_looks(desk: Desk) -> None:
    await told(desk, new())
    await ended(desk, ("match",))

    after, again = await told(desk, back(), new())

    assert [standing(each) for each in (after, again)] == [("CR", "CA"), ("OK", "IP")]
    assert "A supporter is found" in notes(again)
    assert set(await kinds(desk)) == {"changed_referral"}


@pytest.mark.parametrize("reason", ["declined", "transferred", "deceased", "unreachable", "no_place"])
async def test_what_people_at_the_programme_ended_was_not_ended_as_its_sender_asked(desk: Desk, reason: str) -> None:
    (order,) = await told(desk, new())
    closing = {"by": "Kim", "reason": reason}
    await desk.ask("POST", f"/referrals/{number_of(order)}/closure", who="agency", json=closing)

    repeated, asked, after = await told(desk, new(), asks(), back())

    assert [standing(each) for each in (repeated, asked, after)] == [("OC", "CA"), ("SR", "CA"), ("UC", "CA")]
    assert why(repeated) == why(asked) != "" and why(after).startswith(why(repeated))
    assert "It was over before" in why(after)


async def test_without_consent_nobody_learns_from_a_withdrawal_that_people_ended_it(desk: Desk) -> None:
    (order,) = await told(desk, new(), who="silent-centre")
    closing = {"by": "Kim", "reason": "declined"}
    await desk.ask("POST", f"/referrals/{number_of(order)}/closure", who="agency", json=closing)

    repeated, after = await told(desk, new(), back(), who="silent-centre")

    assert [standing(each) for each in (repeated, after)] == [("OK", "IP"), ("CR", "CA")]


async def test_what_was_completed_cannot_be_taken_back_any_more(desk: Desk) -> None:
    (order,) = await told(desk, new())
    await ended(desk)

    after, asked = await told(desk, back(), asks())

    assert [standing(each) for each in (after, asked)] == [("UC", "CM"), ("SR", "CM")]
    assert "The series of visits has ended" in notes(after) and "It was over before" in why(after)
    task = await desk.task(number_of(order))
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("completed", "completed")
    assert "It was over before" in (await desk.told())[-1]["statusReason"]["text"]


async def test_a_patch_of_what_was_completed_is_answered_with_what_it_is(desk: Desk) -> None:
    (order,) = await told(desk, new())
    await ended(desk)

    path, media = f"/fhir/Task/{number_of(order)}", {"content-type": "application/merge-patch+json"}
    answer = await desk.ask("PATCH", path, content=b'{"status": "cancelled"}', headers=media)

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert "It was over before" in answer.json()["statusReason"]["text"]


@pytest.mark.parametrize("steps", [("match", "series", "first"), ("match", "series", "first", "ended")])
async def test_who_may_not_know_of_visits_hears_the_same_of_a_withdrawal_whatever_became_of_them(
    desk: Desk, steps: Sequence[str]
) -> None:
    await told(desk, new(), who="silent-centre")
    await ended(desk, steps)

    after, asked = await told(desk, back(), asks(), who="silent-centre")

    assert [standing(each) for each in (after, asked)] == [("CR", "CA"), ("SR", "CA")]


@pytest.mark.parametrize("steps", [("match", "series", "first"), ("match", "series", "first", "ended")])
async def test_of_protected_records_a_withdrawal_tells_no_end(desk: Desk, steps: Sequence[str]) -> None:
    await told(desk, new(DG1="DG1|1||F10.20^Alcohol dependence^I10C"))
    (accepted,) = await desk.said(ReferralAccepted)
    given = {"consent_id": uuid4(), "person_id": accepted.person_id, "discloser": "alongside", "part2": True}
    agreed = {"recipients": ["referrer"], "purposes": ["treatment"], "signed_at": NOW, "scope": "what became of it"}
    await desk.keep_consent(ConsentGiven(**given, **agreed))
    await ended(desk, steps)

    before, after = await told(desk, asks(), back())

    assert [standing(each) for each in (before, after)] == [("SR", "IP"), ("CR", "CA")]


async def test_what_was_taken_back_before_its_visits_ended_stays_taken_back(desk: Desk) -> None:
    await told(desk, new())
    await ended(desk, ("match", "series", "first"))
    await told(desk, back())

    await ended(desk, ("ended",))
    again, asked = await told(desk, back(), asks())

    assert [standing(each) for each in (again, asked)] == [("CR", "CA"), ("SR", "CA")]
