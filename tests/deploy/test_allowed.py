"""What everybody may do on the broker, done from end to end."""

import json

import nats
import pytest

from tests.deploy.ground import Ground, User, say_together, user


async def pending(ground: Ground, stream: str, consumer: str) -> tuple[int, int]:
    """What a consumer has not yet handed out, and what it handed out and nobody acknowledged."""
    async with user(ground, "admin") as admin:
        told = json.loads((await admin.ask(f"$JS.API.CONSUMER.INFO.{stream}.{consumer}")).data)
    return told["num_pending"], told["num_ack_pending"]


async def test_a_service_hears_what_another_says_and_acknowledges_it(declared: Ground):
    async with user(declared, "matching") as speaker, user(declared, "scheduling") as listener:
        told = await speaker.tell("matching.match-made.v1.3", b"a fact")

        (heard,) = await listener.pull("MATCHING", "scheduling-on-matching-0of1")
        await listener.ask(heard.reply, b"+ACK")

    assert told["stream"] == "MATCHING"
    assert (heard.subject, heard.data) == ("matching.match-made.v1.3", b"a fact")
    assert await pending(declared, "MATCHING", "scheduling-on-matching-0of1") == (0, 0)


async def test_a_letter_given_back_comes_again(declared: Ground):
    async with user(declared, "scheduling") as speaker, user(declared, "referrals") as listener:
        await speaker.tell("scheduling.seat-held.v1.1", b"again")
        (first,) = await listener.pull("SCHEDULING", "referrals-on-scheduling-0of1")
        await listener.client.publish(first.reply, b"+WPI")
        await listener.client.publish(first.reply, b"-NAK")
        await listener.settled()

        (second,) = await listener.pull("SCHEDULING", "referrals-on-scheduling-0of1")
        await listener.ask(second.reply, b"+ACK")

    assert (first.data, second.data) == (b"again", b"again")


async def test_a_service_says_a_batch_whole(declared: Ground):
    async with user(declared, "notifications") as speaker, user(declared, "notifications") as listener:
        told = await say_together(speaker, "notifications.reminder-sent.v1.0", [b"one", b"two", b"three"])

        heard = await listener.pull("NOTIFICATIONS", "notifications-on-notifications-0of1", batch=3)

    assert told["count"] == 3
    assert [each.data for each in heard] == [b"one", b"two", b"three"]


async def test_a_listener_alone_reads_what_is_sealed_for_it(declared: Ground):
    async with user(declared, "referrals") as speaker:
        await speaker.tell("sealed.notifications.contact-shared.v1.3", b"contact")
        await speaker.tell("sealed.scheduling.coverage-shared.v1.3", b"coverage")

    async with user(declared, "scheduling") as one, user(declared, "notifications") as other:
        for_one = await one.pull("SEALED", "scheduling-on-sealed-0of1", batch=2)
        for_other = await other.pull("SEALED", "notifications-on-sealed-0of1", batch=2)

    assert [each.data for each in for_one] == [b"coverage"]
    assert [each.data for each in for_other] == [b"contact"]


@pytest.mark.parametrize(
    ("organisation", "kind", "service"),
    [
        ("general-hospital", "referral", "referrals"),
        ("river-clinic", "referral", "referrals"),
        ("garden-health", "referral", "referrals"),
        ("peer-agency", "referral", "referrals"),
        ("peer-agency", "supporter", "matching"),
        ("peer-agency", "attendance", "scheduling"),
        ("garden-health", "coverage", "scheduling"),
        ("garden-health", "authorization", "scheduling"),
    ],
)
async def test_what_an_organisation_posts_reaches_the_service_that_takes_it_in(
    declared: Ground, organisation: str, kind: str, service: str
):
    async with user(declared, organisation) as poster, user(declared, service) as taker:
        told = await poster.tell(f"ingest.{organisation}.{kind}.v1", b"posted")

        (heard,) = await taker.pull(f"IN_{organisation}", service)
        await taker.ask(heard.reply, b"+ACK")

    assert told["stream"] == f"IN_{organisation}"
    assert (heard.subject, heard.data) == (f"ingest.{organisation}.{kind}.v1", b"posted")
    assert await pending(declared, f"IN_{organisation}", service) == (0, 0)


@pytest.mark.parametrize("service", ["referrals", "matching", "scheduling"])
async def test_an_organisation_reads_its_answers(declared: Ground, service: str):
    async with user(declared, service) as speaker, user(declared, "peer-agency") as reader:
        await speaker.tell("status.peer-agency.referral.v1", service.encode())

        (heard,) = await reader.pull("STATUS_peer-agency", "reader")
        await reader.client.publish(heard.reply, b"")
        await reader.settled()

    assert heard.data == service.encode()
    assert await pending(declared, "STATUS_peer-agency", "reader") == (0, 0)


async def test_a_payer_asks_and_is_answered(declared: Ground):
    async with user(declared, "scheduling") as replier, user(declared, "garden-health") as payer:

        async def reply(question: nats.aio.msg.Msg) -> None:
            await replier.client.publish(question.reply, question.subject.encode() + b" " + question.data)

        await replier.client.subscribe("query.*.covered-sessions.v1", cb=reply)
        await replier.settled()

        answer = await payer.ask("query.garden-health.covered-sessions.v1", b"January")

    assert answer.data == b"query.garden-health.covered-sessions.v1 January"


async def test_two_repliers_share_the_questions(declared: Ground):
    asked: list[str] = []

    async with user(declared, "scheduling") as one, user(declared, "scheduling") as other:
        for replier in (one, other):

            async def reply(question: nats.aio.msg.Msg, replier: User = replier) -> None:
                asked.append(question.subject)
                await replier.client.publish(question.reply, b"answer")

            await replier.client.subscribe("query.*.covered-sessions.v1", queue="scheduling", cb=reply)
            await replier.settled()
        async with user(declared, "garden-health") as payer:
            for _ in range(10):
                await payer.ask("query.garden-health.covered-sessions.v1")

    assert len(asked) == 10


@pytest.mark.parametrize("service", ["referrals", "matching", "scheduling", "notifications"])
async def test_a_service_is_told_the_time_and_may_look_it_up(declared: Ground, service: str):
    async with user(declared, "admin") as admin, user(declared, service) as one:
        heard = await one.client.subscribe("clock.now.v1")
        await one.settled()
        await admin.tell("clock.now.v1", b"noon")

        told = await heard.next_msg(timeout=2)
        looked_up = await one.ask("$JS.API.DIRECT.GET.CLOCK.clock.now.v1")

    assert told.data == looked_up.data == b"noon"


async def test_a_service_knows_the_state_of_its_streams_and_consumers(declared: Ground):
    async with user(declared, "referrals") as one:
        for stream in ("REFERRALS", "SEALED", "STATUS_river-clinic", "CLOCK"):
            told = json.loads((await one.ask(f"$JS.API.STREAM.INFO.{stream}")).data)
            assert told["config"]["name"] == stream
            assert {"created", "state"} <= set(told)
        told = json.loads((await one.ask("$JS.API.CONSUMER.INFO.MATCHING.referrals-on-matching-0of1")).data)

    assert told["name"] == "referrals-on-matching-0of1"


async def test_the_same_message_id_counts_once_for_one_organisation_and_not_for_another(declared: Ground):
    same = {"Nats-Msg-Id": "referral-1"}

    async with user(declared, "general-hospital") as one, user(declared, "river-clinic") as other:
        first = await one.tell("ingest.general-hospital.referral.v1", b"{}", same)
        again = await one.tell("ingest.general-hospital.referral.v1", b"{}", same)
        theirs = await other.tell("ingest.river-clinic.referral.v1", b"{}", same)

    assert (again["seq"], again.get("duplicate")) == (first["seq"], True)
    assert not theirs.get("duplicate")
