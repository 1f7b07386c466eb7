"""What becomes of a referral when it arrives."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.referrals.rules.phrases import may_mean_danger
from services.referrals.rules.triage import (
    Agreement,
    Payer,
    age_band,
    plan_of,
    triage,
    urgency,
)
from tests.referrals.makers import NOW, order, person
from tests.referrals.test_clocks import SITE

SCREENS, DOES_NOT = Agreement(screens_before_referring=True), Agreement()


def test_accepts_a_screened_referral_that_lacks_nothing() -> None:
    verdict = triage(order(), DOES_NOT, NOW.date())

    assert verdict.outcome == "accepted"


@pytest.mark.parametrize(
    ("risk", "agreement", "outcome"),
    [
        ("none", DOES_NOT, "accepted"),
        ("flagged", SCREENS, "crisis_review"),
        ("unknown", SCREENS, "needs_screen"),
        (None, SCREENS, "accepted"),
        (None, DOES_NOT, "needs_screen"),
    ],
)
def test_lets_nobody_on_without_an_answer_about_risk(risk: Any, agreement: Agreement, outcome: str) -> None:
    verdict = triage(order(risk=risk), agreement, NOW.date())

    assert verdict.outcome == outcome


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"service": "other"}, "not_peer_support"),
        ({"peer_support_consent": False}, "no_consent"),
        ({"status": "withdrawn"}, "withdrawn"),
        ({"status": "entered_in_error"}, "entered_in_error"),
        ({"person": person(birth_date="2014-03-03")}, "age"),
    ],
)
def test_declines_what_the_programme_cannot_take(changes: Any, reason: str) -> None:
    verdict = triage(order(**changes), DOES_NOT, NOW.date())

    assert (verdict.outcome, verdict.reason) == ("refused", reason)


def test_takes_somebody_on_their_twelfth_birthday() -> None:
    verdict = triage(order(person=person(birth_date="2014-03-02")), DOES_NOT, NOW.date())

    assert verdict.outcome == "accepted"


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"reaches": []}, ("contact",)),
        ({"birth_date": None}, ("birth_date",)),
        ({"birth_date": "2026-03-03"}, ("birth_date",)),
        ({"birth_date": "1890-01-01"}, ("birth_date",)),
        ({"deceased": True, "reaches": []}, ("deceased", "contact")),
    ],
)
def test_asks_for_what_is_missing(changes: Any, missing: tuple[str, ...]) -> None:
    verdict = triage(order(person=person(**changes)), DOES_NOT, NOW.date())

    assert (verdict.outcome, verdict.missing) == ("needs_info", missing)


@given(
    risk=st.sampled_from(["none", "flagged", "unknown", None]),
    screens=st.booleans(),
    note=st.sampled_from([[], ["Talks of wanting to kill himself"], ["Doing fine"]]),
    service=st.sampled_from(["peer_support", "other"]),
    status=st.sampled_from(["active", "withdrawn"]),
    agreed=st.sampled_from([True, False, None]),
)
def test_a_danger_sign_always_reaches_a_person_first(
    risk: Any, screens: bool, note: list[str], service: Any, status: Any, agreed: bool | None
) -> None:
    posted = order(risk=risk, notes=note, service=service, status=status, peer_support_consent=agreed)

    verdict = triage(posted, Agreement(screens_before_referring=screens), NOW.date())

    in_danger = risk == "flagged" or note == ["Talks of wanting to kill himself"]
    assert (verdict.outcome == "crisis_review") == in_danger


def test_goes_on_once_a_person_has_cleared_the_risk() -> None:
    flagged = order(risk="flagged", notes=["suicidal last week"])

    assert triage(flagged, DOES_NOT, NOW.date(), cleared=True).outcome == "accepted"
    assert triage(order(risk=None), DOES_NOT, NOW.date(), cleared=True).outcome == "accepted"
    assert triage(order(risk="flagged", service="other"), DOES_NOT, NOW.date(), cleared=True).outcome == "refused"


@pytest.mark.parametrize(
    "note",
    [
        "Pt. is SUICIDAL.",
        "he can't keep himself safe",
        "wishes she was dead",
        "recent over-dose? no: overdosed in May",
        "self-harm, cutting",
        "wants to hurt others",
        "dice que quiere morirse",
        "quiere hacerse daño",
        "No quiero vivir",
        "denies suicidal ideation",
        "I don't want to live like this",
        "I just want to end it all",
        "I'm abused",
        "My husband hits me",
        "Mi esposo me pega",
        "My husband beat me",
        "I'm being hit by my partner",
        "I took too many of my pills",
        "I do not want to be here anymore",
        "wanna die",
        "She does not want to live and wants to be dead",
        "doesn't want to live",
        "does not want to live any more",
        "doesn't want to be here anymore",
        "wants to be dead",
        "wanted to die",
        "tried to hang herself",
        "plans to shoot himself tonight",
        "cutting her wrists",
        "cutting herself",
        "took 40 pills",
        "ideas of self-injury",
        "OD'd on fentanyl",
        "plans to end things tonight",
        "kill my self",
        "I want to kill my self.",
        "wants to kill his wife",
        "her husband hits her",
        "husband beats her",
        "abused by her stepfather",
        "unsafe at home",
        "child abuse at home",
        "harm to others",
        "wants to hurt the baby",
        "me quiero matar",
        "se quiere matar",
        "quiero lastimarme",
        "quiere acabar con su vida",
        "sui\xadcidal",
        "sui\u200bcidal",
        "wants to <b>kill</b> himself",
        "kill&nbsp;himself",
        "I don&#39;t want to live",
        "Me quiero matar",
        "Esta noche me voy a matar",
        "se va a matar",
        "quiero matar a mi marido",
        "I want to shoot myself",
        "I am going to hang myself",
        "I have a gun and a plan",
        "I want to kill my husband",
        "I want to be dead",
        "took all my pills",
        "me corto",
        "I don't want to wake up",
        "better off without me",
        "no quiere seguir viviendo",
        "he wishes he were dead",
        "no reason to live",
        "wants to end her own life",
        "can't stay safe",
        "My husband beat me",
        "not safe at home",
        "hacer daño a otros",
        "ya no quiero vivir",
        "intentó matarse",
        "took her own life",
    ],
)
def test_words_of_danger_raise_in_both_languages_even_when_denied(note: str) -> None:
    assert may_mean_danger(["Enjoys painting.", note])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "Enjoys painting and long walks",
        "Le gusta la vida en el barrio",
        "overdue bills",
        "It hits me hard",
        "has taken all her medications",
        "took too many classes",
        "She beat cancer",
        "cuts herself off from friends",
        "lives with her mother and two kids",
        "takes her life seriously",
        "took her life back after treatment",
        "wants to live closer to her daughter",
        "does not want to be here in the city",
        "wants to go on with school",
        "hope to find work",
        "no se siente sola",
        "quiere volver a estudiar",
        "his brother died last year",
        "killing time",
        "she hurts when she walks",
        "takes all medications as prescribed",
        "did not want to go to the group",
        "The home is safe",
        "no further SI questions",
        "si quiere, llame por la tarde",
        "feels better off without the medication",
        "corta el pelo",
        "plans to move",
        "not going to school",
        "people hurt by the flood",
    ],
)
def test_ordinary_words_raise_nothing(note: str) -> None:
    assert not may_mean_danger([note])


@pytest.mark.parametrize(
    ("days", "wanted"), [(0, "urgent"), (-7, "urgent"), (7, "urgent"), (-8, "routine"), (8, "routine")]
)
def test_is_urgent_around_the_week_of_a_discharge(days: int, wanted: str) -> None:
    leaving = order(discharged_on=(NOW + timedelta(days=days)).date())

    assert urgency(leaving, SITE, NOW) == wanted


@pytest.mark.parametrize(("days", "wanted"), [(-8, "routine"), (-7, "urgent"), (7, "urgent"), (8, "routine")])
def test_counts_the_days_around_a_discharge_as_the_site_does(days: int, wanted: str) -> None:
    nine_in_the_evening = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    leaving = order(discharged_on=date(2026, 3, 2) + timedelta(days=days))

    assert urgency(leaving, SITE, nine_in_the_evening) == wanted


def test_is_urgent_where_any_moment_at_which_it_was_heard_of_is_near_the_discharge() -> None:
    leaving = order(discharged_on=(NOW + timedelta(days=12)).date())

    assert urgency(leaving, SITE, NOW, NOW + timedelta(days=12)) == "urgent"
    assert urgency(leaving, SITE, NOW, NOW + timedelta(days=30)) == "routine"


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2020-01-01", "child"),
        ("2013-01-01", "12-14"),
        ("2010-01-01", "15-17"),
        ("2008-03-02", "18-25"),
        ("2008-03-03", "15-17"),
        ("1990-01-01", "adult"),
        ("1961-03-02", "older_adult"),
    ],
)
def test_keeps_the_age_bands_apart(born: str, band: str) -> None:
    assert age_band(date.fromisoformat(born), NOW.date()) == band


def test_counts_a_leap_day_birthday_from_march() -> None:
    on_time = datetime(2026, 2, 28, 12, tzinfo=UTC)

    assert age_band(date(2008, 2, 29), on_time.date()) == "15-17"
    assert age_band(date(2008, 2, 29), (on_time + timedelta(days=1)).date()) == "18-25"


def test_finds_a_plan_by_its_id_or_by_a_payer_that_has_only_one() -> None:
    garden = Payer(organisation_id="garden", name="Garden Health", plan_ids=("P3",))
    summit = Payer(organisation_id="summit", name="Summit", plan_ids=("P7", "P8"))
    cover = order(cover={"payer": " garden health ", "member_id": "1"}).cover
    unclear = order(cover={"payer": "Summit", "member_id": "1"}).cover
    by_plan = order(cover={"payer": "?", "plan": "p8", "member_id": "1"}).cover
    assert cover and unclear and by_plan

    assert plan_of(cover, [garden, summit]) == ("garden", "P3")
    assert plan_of(unclear, [garden, summit]) is None
    assert plan_of(by_plan, [garden, summit]) == ("summit", "P8")
