"""Decides what becomes of referrals that arrive: one after another, against what was known before them."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.again import OF_ANOTHER, WHICH, as_asked, held_as
from services.referrals.handlers.arrivals import (
    Arrival,
    Received,
    comparison,
    fresh_of,
    is_of_another,
    says_something_else,
    unless_revoked,
)
from services.referrals.handlers.comparing import APART, to_compare, to_separate
from services.referrals.handlers.notifying import announce
from services.referrals.handlers.outcomes import Follows, amend, follow, in_words, raise_crisis, settle, take_back
from services.referrals.handlers.playing import first_step
from services.referrals.handlers.remembering import Remembered
from services.referrals.handlers.telling import first, retell, tell
from services.referrals.handlers.winding import wind, wind_by_discharge
from services.referrals.rules import clock, minors, playing, triage
from services.referrals.rules.differing import differences
from services.referrals.rules.journey import OVER, TAKEN_BACK
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.protection import protected
from shared.calendar import add_business_days, day_at
from shared.mailbox import Said
from shared.programme import Organisation, Programme, Site
from shared.work import Asked


@dataclass(kw_only=True)
class Intake:
    """What was known before referrals arrive one after another, and what is to be kept of them.

    `asked` is what people are asked to compare already.
    """

    programme: Programme
    at: datetime
    before: Remembered
    asked: set[str]
    added: set[UUID] = field(default_factory=set)
    changed: set[UUID] = field(default_factory=set)
    news: set[UUID] = field(default_factory=set)
    protected: set[UUID] = field(default_factory=set)
    repeats: list[store.Repeat] = field(default_factory=list)
    follows: list[Follows] = field(default_factory=list)
    disclosed: list[store.Disclosure] = field(default_factory=list)

    def take(self, arrival: Arrival) -> Received:
        """This will take in a referral, or account for a repeat of one that is known."""
        if known := self.before.repeated(arrival):
            other = is_of_another(arrival, known)
            return Received(referral=self._repeat(known, arrival), new=False, entry=arrival.entry, of_another=other)
        person_id, besides, shared = self.before.meet(arrival)
        if arrival.back:
            self._ask_which(arrival, person_id)
        return Received(referral=self._add(arrival, person_id, besides, shared=shared), new=True, entry=arrival.entry)

    def _ask_which(self, arrival: Arrival, person_id: UUID) -> None:
        """This will have somebody ask whether a withdrawal of what we never had means one that goes on."""
        for each in self.before.may_be_meant(arrival, person_id):
            asked = self._to_judge(each, arrival, WHICH)
            self.follows.append(Follows(tasks=[asked], test=each.test))

    def _add(self, arrival: Arrival, person_id: UUID, besides: list[UUID], *, shared: bool) -> store.Referral:
        organisation = self.programme.organisations[arrival.organisation]
        site = self.programme.site(arrival.order.site or organisation.site_id)
        verdict = self._verdict(arrival.order, organisation, site, again=self.before.overtaken(arrival))
        if organisation.test:
            verdict = playing.verdict_of(arrival.order, verdict)
        ids = self.before.id_of(arrival), person_id
        fresh = replace(fresh_of(arrival, verdict, ids, site.site_id, self.at), test=organisation.test)
        fresh = unless_revoked(fresh, self.before.revoked.get(person_id))
        wound, rings = wind(fresh, programme=self.programme, at=self.at)
        referral, status, disclosed = first(wound, programme=self.programme)
        self.disclosed += disclosed
        self.before.add(arrival, referral)
        self.added.add(referral.referral_id)
        follows = follow(referral, verdict, programme=self.programme, at=self.at)
        begun = first_step(referral, self.at) if referral.test else [*rings, *to_compare(referral, besides)]
        is_asked = shared and not referral.test and referral.state != "refused"
        apart = [to_separate(referral, site, APART)] if is_asked else []
        self.follows += [follows, Follows(said=[status, *begun], tasks=apart)]
        return referral

    def _verdict(self, order: ReferralOrder, whose: Organisation, site: Site, *, again: bool = False) -> triage.Verdict:
        """This will triage what arrived; of what is asked for `again`, somebody asks about a guardian again, too."""
        lacks_guardian = minors.party(order, self.programme, site, self.at) == "guardian"
        agreement = triage.Agreement(screens_before_referring=whose.screens_before_referring)
        return triage.triage(order, agreement, day_at(site, self.at), lacks_guardian=lacks_guardian, again=again)

    def _repeat(self, known: store.Referral, arrival: Arrival) -> store.Referral:
        """This will account for a repeat; what it changes is for a person to judge, danger in it is raised at once."""
        changed, repeat_id = says_something_else(known, arrival), uuid5(arrival.post_id, str(arrival.entry))
        self.repeats.append(
            store.Repeat(repeat_id=repeat_id, referral_id=known.referral_id, changed=changed, at=self.at)
        )
        if arrival.content == known.latest:
            return known
        if is_of_another(arrival, known):
            return self._leave(known, arrival)
        if not known.never_had and known.referral_id == self.before.id_of(arrival):
            self._meet_again(known, arrival)
        again = known.order.status in TAKEN_BACK and not arrival.back
        if again and known.ended_by_sender:
            return self._again(known, arrival)
        latest = self._go_by_discharge(self._protect(known, arrival), arrival.order)
        if again:
            latest = self._restore(latest, arrival.order)
        self.follows.append(amend(known, latest, programme=self.programme, at=self.at))
        back = arrival.back
        # Who takes a referral back says again what was known of it: only another sign is news then.
        looked_at = back or known.crisis_at is not None
        in_danger = triage.news_of_danger(arrival.order, known.order, in_crisis=looked_at)
        if back and not in_danger:
            latest = self._take_back(latest, arrival.order)
            if latest.state == "refused":
                return self._keep(latest)
        unseen = changed and self._compare(known, arrival)
        return self._keep(self._raise(latest, arrival.order, unseen=unseen) if in_danger else latest)

    def _leave(self, known: store.Referral, arrival: Arrival) -> store.Referral:
        """This will not end what a withdrawal names that is about somebody else, but have a person ask."""
        latest = replace(known, latest=arrival.content)
        in_danger = triage.news_of_danger(arrival.order, known.order, in_crisis=known.crisis_at is not None)
        unseen = self._compare(known, arrival, why=OF_ANOTHER)
        return self._keep(self._raise(latest, arrival.order, unseen=unseen) if in_danger else latest)

    def _meet_again(self, known: store.Referral, arrival: Arrival) -> None:
        """This will have the person of a repeat compared with whoever else has a number that it gives."""
        if others := self.before.meet_again(known, arrival):
            self.follows.append(Follows(said=list(to_compare(known, others)), test=known.test))

    def _again(self, known: store.Referral, arrival: Arrival) -> store.Referral:
        """This will hold for a person what ended when it was taken back, and is asked for again."""
        organisation = self.programme.organisations[arrival.organisation]
        site_id = arrival.order.site or organisation.site_id
        person_id, besides, _ = self.before.meet(arrival) if known.never_had else (known.person_id, [], False)
        asked = as_asked(self._protect(known, arrival), arrival, person_id, self.programme.site(site_id), self.at)
        site = self.programme.site(asked.site_id)
        verdict = self._verdict(asked.order, organisation, site, again=True)
        if known.crisis_at:
            verdict = triage.Verdict(outcome="crisis_review", missing=("asked_again",))
        held, rings = wind(held_as(asked, verdict, self.at), programme=self.programme, at=self.at)
        if not known.never_had and arrival.content != known.content:
            self._compare(known, arrival)
        mine = known.referral_id
        # What was to be closed with its end, where both came at once, is asked after all.
        self.follows = [replace(each, over=[one for one in each.over if one != mine]) for each in self.follows]
        entry = store.Entry(referral_id=mine, what="asked_again", at=self.at, key=self.at.isoformat())
        alike = to_compare(held, besides) if known.never_had else []
        self.follows += [
            follow(held, verdict, programme=self.programme, at=self.at),
            Follows(said=[*rings, *alike], entries=[entry], test=held.test),
        ]
        self.news.add(mine)
        return self._keep(held)

    def _restore(self, known: store.Referral, order: ReferralOrder) -> store.Referral:
        """This will forget that what goes on was taken back; of who may be in danger, somebody asks after that."""
        self.news.add(known.referral_id)
        reasons = ("asked_again",) if known.state == "crisis_review" else known.reasons
        return replace(known, reasons=reasons, order=known.order.model_copy(update={"status": order.status}))

    def _protect(self, known: store.Referral, arrival: Arrival) -> store.Referral:
        """This will keep what was posted last; what tells of substance use only now protects everything from now on."""
        latest = replace(known, latest=arrival.content)
        if known.part2 or not protected(arrival.order):
            return latest
        self.protected.add(known.referral_id)
        self.news.add(known.referral_id)
        return replace(latest, part2=True, order=known.order.model_copy(update={"part2": True}))

    def _go_by_discharge(self, known: store.Referral, order: ReferralOrder) -> store.Referral:
        """This will keep the day of discharge that was told last, and set the clock by it."""
        if order.discharged_on in (None, known.order.discharged_on) or known.state in OVER:
            return known
        left = known.order.model_copy(update={"discharged_on": order.discharged_on})
        soon = triage.urgency(left, self.programme.site(known.site_id), known.arrived_at, self.at)
        moved = replace(known, order=left, urgency=soon)
        self.news.add(known.referral_id)
        if moved.awaits not in clock.UNTIL_SEEN:
            return moved
        wound, rings = wind_by_discharge(known, moved, programme=self.programme, at=self.at)
        self.follows.append(Follows(said=list(rings), test=known.test))
        return wound

    def _take_back(self, known: store.Referral, order: ReferralOrder) -> store.Referral:
        back, follows = take_back(known, order, programme=self.programme, at=self.at)
        self.news.add(known.referral_id)
        self.follows.append(follows)
        return back

    def _compare(self, known: store.Referral, arrival: Arrival, *, why: str = "") -> bool:
        """This will ask a person to judge a repeat, and say whether nobody is asked that already."""
        about = comparison(known, arrival)
        unseen = about not in self.asked
        self.asked.add(about)
        asked = self._to_judge(known, arrival, why)
        self.follows.append(Follows(tasks=[asked], test=known.test))
        return unseen

    def _raise(self, known: store.Referral, order: ReferralOrder, *, unseen: bool) -> store.Referral:
        """This will put a danger sign before a person, unless they look at this very post already."""
        if known.crisis_at and not unseen:
            return known
        raised, follows = raise_crisis(known, note=in_words(order), programme=self.programme, at=self.at)
        self.news.add(known.referral_id)
        self.follows.append(follows)
        return raised

    def _keep(self, referral: store.Referral) -> store.Referral:
        self.before.known[referral.referral_id] = referral
        self.changed.add(referral.referral_id)
        return referral

    def _to_judge(self, known: store.Referral, arrival: Arrival, why: str) -> Asked:
        """This will put before a person in what an arrival differs from what is known, and what it says of danger."""
        due = add_business_days(self.programme.site(known.site_id), self.at, 1)
        told = [why, *differences(known.order, arrival.order), in_words(arrival.order)]
        note = "\n".join(filter(None, told))
        return Asked(kind="changed_referral", about=comparison(known, arrival), owner="intake", due=due, note=note)

    async def save(self, db: AsyncConnection) -> list[Said]:
        """This will keep everything that was decided, and give what is to be said."""
        known = self.before.known
        await store.know(db, self.before.met)
        await store.add(db, [each for each in known.values() if each.referral_id in self.added])
        changed = self.changed - self.added
        await store.change(db, [each for each in known.values() if each.referral_id in changed])
        await store.repeat(db, self.repeats)
        await store.note_disclosures(db, self.disclosed)
        said = await settle(db, self.follows)
        news = [each for each in known.values() if each.referral_id in self.news]
        heard = await announce(db, said)
        await retell(db, [known[each] for each in self.protected], programme=self.programme)
        return [*said, *heard, *await tell(db, news, programme=self.programme)]
