"""What people do in a seed, at the services' public edges only: refer, register, answer, record, look, write back."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from services.matching.handlers.answer import Answered, answer
from services.notifications import handlers as notifications
from services.referrals import handlers as referrals
from services.referrals.reading import read
from services.referrals.rules.order import Reach
from services.scheduling.handlers.recording import record
from services.scheduling.rules.outcomes import Recording
from shared import clock, names
from tests.simulation.people import AGENCY, HOSPITAL, PROGRAMME, Helper, Referred, helper, referred
from tests.simulation.process import PLANS, POLICY
from tests.simulation.world import World

FHIR = "application/fhir+json"
OFFERS = "select offer_id from offers where state = 'open' order by offer_id"
PAST = "select seat_id, session_id from seats where state = 'booked' and ends_at < ? order by seat_id"
HELD = (
    "select referral_id, state, crisis_at from referrals "
    "where crisis_at is not null or state in ('needs_screen', 'needs_info') order by referral_id"
)
RAN_OUT = (
    "select about, kind from tasks where done_at is null "
    "and kind in ('overdue', 'no_visit_kept', 'contact_before_discharge', 'discharge_follow_up') order by about"
)
ALIKE = "select about from tasks where done_at is null and kind = 'possible_duplicate' order by about"
WRITTEN = ("1", "2", "3", "STOP", "START", "see you", "I want to kill myself")


class Office:
    """The hospital, the agency, its supporters and staff, and the people who are written to."""

    def __init__(self, world: World) -> None:
        self.world, self.chance = world, world.chance
        count = world.chance.choice((1, 1, 1, 1, 2, 3))
        self.referred = [referred(each, world.chance) for each in range(count)]
        self.helpers = [helper(each, world.chance) for each in range(world.chance.choice((1, 1, 2)))]
        self.decided: set[str] = set()
        self.replied = 0
        self.texts = 0

    async def open(self) -> None:
        """Register supporters and refer people, in any order and some of it twice."""
        acts = [partial(self._register, each, each.body) for each in self.helpers]
        acts += [partial(self._refer, each, each.body) for each in self.referred]
        acts += [partial(self._refer, each, each.body) for each in self.referred if self.chance.random() < 0.3]
        self.chance.shuffle(acts)
        for act in acts:
            await act()
            if self.chance.random() < 0.5:
                await asyncio.sleep(self.chance.random() * 0.05)

    async def _register(self, one: Helper, body: bytes) -> None:
        await self._post(AGENCY, "supporter", body, str(self.chance.getrandbits(64)), "application/json")

    async def _refer(self, one: Referred, body: bytes) -> None:
        one.asked += 1
        if one.over == "bus":
            await self._post(HOSPITAL, "referral", body, f"{one.number}-{one.asked}", FHIR)
            return
        await self._ask(
            "referrals", partial(referrals.receive, programme=PROGRAMME), partial(_post_of, body), "receive"
        )

    async def _ask(self, service: str, handler: Any, value: Callable[[], Any], together: str = "") -> None:
        for _ in range(2 if self.world.weather.strikes("edge asked twice") else 1):
            await self.world.ask(service, handler, value, together=together)

    async def _post(self, organisation: str, kind: str, body: bytes, identity: str, media: str) -> None:
        """Post on the bus until the broker has it."""
        headers = {"Nats-Msg-Id": identity, "Content-Type": media}
        weather, subject = self.world.weather, names.ingest_subject(organisation, kind)
        answered = False
        while not answered:
            await asyncio.sleep(0.01)
            if not weather.strikes("publish lost"):
                self.world.broker.store(subject, body, headers)
                answered = not weather.strikes("puback lost")

    async def act(self) -> None:
        """Do what waits for people now."""
        await self._answer_offers()
        await self._record_visits()
        await self._look_after_those_held()
        await self._look_after_clocks()
        await self._tell_who_is_who()
        await self._write_back()
        await self._change_minds()

    async def _answer_offers(self) -> None:
        for (offer_id,) in self.world.stores["matching"].look(OFFERS):
            fate = self.chance.random()
            if offer_id in self.decided or fate < 0.1:
                continue
            self.decided.add(offer_id)
            how: Any = {"answer": "accept"} if fate < 0.85 else {"answer": "decline", "code": "time"}
            given = Answered(offer_id=UUID(offer_id), organisation=AGENCY, **how)
            answering = partial(answer, programme=PROGRAMME, policy=POLICY)
            await self._ask("matching", answering, lambda given=given: given, "answer")

    async def _record_visits(self) -> None:
        now = clock.now().isoformat(timespec="microseconds")
        for seat_id, session_id in self.world.stores["scheduling"].look(PAST, now):
            fate = self.chance.random()
            if fate < 0.2:
                continue
            held: Any = {"outcome": "attended", "minutes": 45} if fate < 0.8 else {"outcome": "no_show"}
            said = Recording(session_id=UUID(session_id), seat_id=UUID(seat_id), by="Robin", **held)
            await self._ask("scheduling", partial(record, plans=PLANS), lambda said=said: said)

    async def _look_after_those_held(self) -> None:
        for referral_id, state, crisis in self.world.stores["referrals"].look(HELD):
            if self.chance.random() < 0.3:
                continue
            mine = UUID(referral_id)
            if crisis or state == "needs_screen":
                found = referrals.Screening(referral_id=mine, by="Robin", reason="we spoke", outcome="clear")
                await self._ask("referrals", partial(referrals.screen, programme=PROGRAMME), lambda found=found: found)
            else:
                reach = Reach(channel="sms", address=f"+1212555{self.chance.randint(3000, 3999)}")
                details = referrals.Details(referral_id=mine, by="Robin", reaches=(reach,))
                await self._ask(
                    "referrals", partial(referrals.learn, programme=PROGRAMME), lambda details=details: details
                )

    async def _look_after_clocks(self) -> None:
        """Close some of those whose time has run out, and give others time, once."""
        store = self.world.stores["referrals"]
        for about, kind in store.look(RAN_OUT):
            mine, ends = UUID(about), kind == "no_visit_kept" or self.chance.random() < 0.3
            if ends:
                reason: Any = self.chance.choice(("declined", "unreachable", "no_place"))
                ending = referrals.Ending(referral_id=mine, by="Robin", reason=reason)
                await self._ask(
                    "referrals", partial(referrals.close, programme=PROGRAMME), lambda ending=ending: ending
                )
            elif about not in self.decided:
                self.decided.add(about)
                until = clock.now() + timedelta(days=2)
                setting = referrals.Setting(referral_id=mine, by="Robin", reason="we spoke", until=until)
                await self._ask(
                    "referrals", partial(referrals.set_clock, programme=PROGRAMME), lambda setting=setting: setting
                )

    async def _tell_who_is_who(self) -> None:
        """Answer some of the questions whether two people are one; everybody here looks alike."""
        for (about,) in self.world.stores["referrals"].look(ALIKE):
            fate = self.chance.random()
            if fate < 0.3:
                continue
            one, other = map(UUID, about.split())
            verdict: Any = "same" if fate < 0.8 else "different"
            found = referrals.Identifying(person_id=one, other_id=other, verdict=verdict, by="Robin", reason="we spoke")
            await self._ask("referrals", partial(referrals.identify, programme=PROGRAMME), lambda found=found: found)

    async def _write_back(self) -> None:
        """Answer some of the texts that arrived."""
        texts = [each for each in self.world.outside.taken if each.channel == "sms"]
        for each in texts[self.replied :]:
            if self.chance.random() < 0.3:
                self.texts += 1
                inbound = notifications.Inbound(
                    message_id=f"in-{self.texts}", sender=each.to, text=self.chance.choice(WRITTEN)
                )
                await self._ask(
                    "notifications", partial(notifications.hear, programme=PROGRAMME), lambda inbound=inbound: inbound
                )
        self.replied = len(texts)

    async def _change_minds(self) -> None:
        for one in self.helpers:
            if one.after and self.chance.random() < 0.3:
                await self._register(one, one.after)
                one.after = None
        for each in self.referred:
            if each.changed and self.chance.random() < 0.2:
                await self._refer(each, each.changed)
                each.changed = None

    async def post_again_what_was_never_answered(self) -> None:
        """Post what the hospital was told nothing of, as it would; and register again who is not known."""
        for each in self.referred:
            await self._refer(each, each.body)
        for one in self.helpers:
            await self._register(one, one.body)


def _post_of(body: bytes) -> referrals.Post:
    """What a request at the edge is: a post of its own, whatever it says."""
    return referrals.Post(post_id=uuid4(), organisation=HOSPITAL, reading=read(body, FHIR))
