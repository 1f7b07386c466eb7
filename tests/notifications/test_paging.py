"""Paging the on-call person, on both databases."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from services.notifications.store import people
from shared.database import Database
from shared.events.notifications import OnCallPaged
from shared.events.referrals import CrisisAcknowledged, CrisisRaised, RiskCleared
from tests.notifications.doubles import http_double
from tests.notifications.made import NOON, SITE, contact
from tests.notifications.running import Running, running


def crisis() -> CrisisRaised:
    return CrisisRaised(referral_id=uuid4(), person_id=uuid4(), site_id="north", raised_at=NOON)


def acknowledged(raised: CrisisRaised, at: datetime = NOON) -> CrisisAcknowledged:
    who = {"referral_id": raised.referral_id, "person_id": raised.person_id, "acknowledged_by": "Kim Lee"}
    return CrisisAcknowledged(raised_at=raised.raised_at, acknowledged_at=at, **who)


def cleared(raised: CrisisRaised, at: datetime) -> RiskCleared:
    return RiskCleared(referral_id=raised.referral_id, person_id=raised.person_id, cleared_by="Kim Lee", cleared_at=at)


async def is_held(service: Running, person_id: UUID) -> bool:
    async with service.service.database.reading() as db:
        return (await people.known(db, [person_id]))[person_id].in_crisis


async def test_pages_once_with_the_site_and_the_referral(database: Database, tmp_path: Path) -> None:
    raised = crisis()
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(raised, raised)
        await service.settle()
        await service.hear(raised)
        await service.settle()

        assert list(pager.taken.values()) == [{"site": "north", "referral": str(raised.referral_id), "step": 1}]
        assert (await service.figures())["pages_sent"] == 1


async def test_pages_at_the_sites_own_pager_where_no_other_is_given(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path) as service:
        await service.hear(crisis())
        await service.settle()

        assert (await service.figures())["pages_sent"] == 1


async def test_a_page_that_fails_is_tried_each_minute_and_then_becomes_urgent_work(
    database: Database, tmp_path: Path
) -> None:
    raised = crisis()
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        pager.behaviour = 503
        await service.hear(raised)
        await service.until(NOON + timedelta(minutes=3))
        assert (pager.asked, await service.tasks()) == (4, [])

        await service.until(NOON + timedelta(minutes=4, seconds=59))

        assert pager.asked == 5
        (task,) = await service.tasks()
        assert (task.kind, task.about, task.owner) == ("page_failed", str(raised.referral_id), "on-call")
        assert (await service.figures())["pages_failed"] == 1


async def test_a_page_gets_through_when_the_pager_is_back(database: Database, tmp_path: Path) -> None:
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        pager.behaviour = 503
        await service.hear(crisis())
        await service.settle()

        pager.behaviour = 202
        await service.until(NOON + timedelta(minutes=4))

        assert len(pager.taken) == 1
        assert (await service.figures())["pages_sent"] == 1


async def test_a_second_crisis_after_a_clearance_is_paged_and_held_like_the_first(
    database: Database, tmp_path: Path
) -> None:
    raised = crisis()
    again = raised.model_copy(update={"raised_at": NOON + timedelta(days=3)})
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(contact(raised.person_id), raised, cleared(raised, NOON + timedelta(hours=1)))
        await service.settle()
        assert not await is_held(service, raised.person_id)

        await service.hear(again, again)
        await service.settle()

        assert await is_held(service, raised.person_id)
        assert len(pager.taken) == 2
        await service.hear(cleared(raised, NOON + timedelta(days=4)), again)
        assert not await is_held(service, raised.person_id)


async def test_more_danger_while_somebody_is_held_is_paged_and_one_clearance_ends_it(
    database: Database, tmp_path: Path
) -> None:
    raised = crisis()
    more = raised.model_copy(update={"raised_at": NOON + timedelta(minutes=10)})
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(contact(raised.person_id), raised, more)
        await service.settle()
        assert await is_held(service, raised.person_id)
        assert len(pager.taken) == 2

        await service.hear(cleared(raised, NOON + timedelta(hours=1)))

        assert not await is_held(service, raised.person_id)


async def test_pages_the_second_and_the_manager_while_nobody_takes_it_in_hand(
    database: Database, tmp_path: Path
) -> None:
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(crisis())

        steps = []
        for minutes in (0, 4, 5, 9, 10, 60):
            await service.until(NOON + timedelta(minutes=minutes))
            steps.append([each["step"] for each in pager.taken.values()])

        assert steps == [[1], [1], [1, 2], [1, 2], [1, 2, 3], [1, 2, 3]]


async def test_pages_nobody_else_once_somebody_took_it_in_hand(database: Database, tmp_path: Path) -> None:
    raised = crisis()
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(raised)
        await service.until(NOON + timedelta(minutes=6))
        await service.hear(acknowledged(raised))
        await service.until(NOON + timedelta(hours=1))

        assert [each["step"] for each in pager.taken.values()] == [1, 2]


async def test_pages_nobody_else_once_the_risk_is_cleared(database: Database, tmp_path: Path) -> None:
    raised = crisis()
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(raised, cleared(raised, NOON))
        await service.until(NOON + timedelta(hours=1))

        assert [each["step"] for each in pager.taken.values()] == [1]


async def test_danger_that_is_raised_again_begins_anew_though_the_first_was_taken_in_hand(
    database: Database, tmp_path: Path
) -> None:
    raised = crisis()
    again = raised.model_copy(update={"raised_at": NOON + timedelta(minutes=2)})
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(raised, acknowledged(raised))
        await service.until(NOON + timedelta(minutes=2))
        await service.hear(again, acknowledged(raised))
        await service.until(NOON + timedelta(hours=1))

        # Also the first is looked at again: whoever took it in hand knew nothing of the second.
        assert [each["step"] for each in pager.taken.values()] == [1, 1, 2, 2, 3, 3]


async def test_a_text_of_danger_goes_up_the_ladder_until_its_task_is_done(database: Database, tmp_path: Path) -> None:
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.text("I want to die", sender="+12025550199", message_id="m-1")
        await service.until(NOON + timedelta(minutes=6))
        task = next(each for each in await service.tasks() if each.kind == "danger_from_unknown_number")
        done = await service.http.post(f"/work/{task.task_id}/done", json={"by": "Kim Lee"})
        await service.until(NOON + timedelta(hours=1))

        assert done.status_code == 200
        assert [each["step"] for each in pager.taken.values()] == [1, 2]


async def test_says_that_somebody_was_paged_only_when_the_pager_took_it(database: Database, tmp_path: Path) -> None:
    raised = crisis()
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        pager.behaviour = 503
        await service.hear(raised)
        await service.settle()
        before = await service.said(OnCallPaged)
        pager.behaviour = 202
        await service.until(NOON + timedelta(minutes=1))

        (fact,) = await service.said(OnCallPaged)
        assert before == []
        assert (fact.referral_id, fact.person_id) == (raised.referral_id, raised.person_id)
        assert (fact.raised_at, fact.paged_at) == (NOON, NOON + timedelta(minutes=1))


async def test_each_step_has_a_pager_of_its_own_where_the_site_names_one() -> None:
    site = SITE.model_copy(update={"on_call": "first", "escalates_to": ["second", "third"]})

    assert [site.pager(each) for each in (1, 2, 3)] == ["first", "second", "third"]
    assert [SITE.pager(each) for each in (1, 2, 3)] == [SITE.on_call] * 3


async def test_a_pager_that_is_away_for_long_is_paged_again_until_a_page_gets_through(
    database: Database, tmp_path: Path
) -> None:
    raised = crisis()
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        pager.behaviour = 503
        await service.hear(raised)
        await service.until(NOON + timedelta(hours=2))
        pager.behaviour = 202
        await service.until(NOON + timedelta(hours=2, minutes=20))
        taken = len(pager.taken)
        await service.until(NOON + timedelta(days=1))

        assert taken >= 1
        assert len(pager.taken) == taken
        assert [each.raised_at for each in await service.said(OnCallPaged)] == [NOON] * taken


async def test_a_page_about_what_somebody_took_in_hand_is_not_tried_again(database: Database, tmp_path: Path) -> None:
    raised = crisis()
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        pager.behaviour = 503
        await service.hear(raised)
        await service.settle()
        await service.hear(acknowledged(raised))
        pager.behaviour = 202
        await service.until(NOON + timedelta(hours=1))

        assert pager.taken == {}
        assert await service.tasks() == []


async def test_a_page_says_about_which_sign_somebody_was_paged(database: Database, tmp_path: Path) -> None:
    raised = crisis()
    more = raised.model_copy(update={"raised_at": NOON + timedelta(seconds=30)})
    async with http_double() as pager, running(database, tmp_path, pager_url=pager.url) as service:
        await service.hear(raised, more)
        await service.settle()

        told = {each.raised_at for each in await service.said(OnCallPaged)}
        assert told == {raised.raised_at, more.raised_at}
