"""What is remembered of referrals, people and their numbers: which referral an arrival repeats, or takes back."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.referrals import store
from services.referrals.handlers.arrivals import Arrival
from services.referrals.rules.journey import OVER, TAKEN_BACK
from services.referrals.rules.likeness import contradict
from services.referrals.rules.numbers import may_mean


@dataclass(kw_only=True)
class Remembered:
    """What was known before referrals arrive, and becomes known while they do, one after another.

    `placed` gives referrals by their placers' fingerprints, `numbers` the first that has a placer's number; `alike` are
    those whose number may be the same written otherwise, `theirs` those of the people whom new ones are about. `people`
    are known by the fingerprints of their numbers, of which `met` are new; `revoked` says when some took their consents
    back.
    """

    at: datetime
    known: dict[UUID, store.Referral]
    placed: dict[str, UUID]
    numbers: dict[str, UUID]
    people: dict[str, UUID]
    alike: dict[str, list[UUID]]
    theirs: dict[UUID, list[store.Referral]]
    revoked: dict[UUID, datetime]
    met: dict[str, UUID] = field(default_factory=dict)

    def repeated(self, arrival: Arrival) -> store.Referral | None:
        """This will find the referral that an arrival repeats."""
        return self._instead(arrival) or self._meant(arrival) or self.known.get(self.id_of(arrival))

    def id_of(self, arrival: Arrival) -> UUID:
        """This will give the id under which it is known, or will be."""
        known = arrival.known or self.placed.get(arrival.placer)
        return known or store.id_of(arrival.organisation, arrival.placer, self.at)

    def _instead(self, arrival: Arrival) -> store.Referral | None:
        if arrival.instead_number:
            found = self.numbers.get(arrival.instead_number)
        else:
            found = self.placed.get(arrival.instead) if arrival.instead else None
        return self.known.get(found) if found else None

    def _meant(self, arrival: Arrival) -> store.Referral | None:
        """This will find the one referral that a withdrawal means, though it writes its number otherwise."""
        near = self._near(arrival)
        return near[0] if len(near) == 1 and may_mean(arrival.order, near[0].order) else None

    def _near(self, arrival: Arrival) -> list[store.Referral]:
        """This will list the referrals that have a withdrawal's number in some case, where none has it as it is."""
        exact = self.known.get(self.id_of(arrival))
        if arrival.known or not arrival.back or (exact and not exact.never_had):
            return []
        return [each for each in self._alike(arrival) if not each.never_had]

    def _alike(self, arrival: Arrival) -> list[store.Referral]:
        return [self.known[each] for each in self.alike.get(arrival.alike, ())] if arrival.alike else []

    def overtaken(self, arrival: Arrival) -> bool:
        """This will say whether what takes it back came before it, with its number written otherwise."""
        early = [] if arrival.back else [each for each in self._alike(arrival) if each.never_had]
        return any(may_mean(each.order, arrival.order) for each in early)

    def may_be_meant(self, arrival: Arrival, person_id: UUID) -> list[store.Referral]:
        """This will list those that go on and that a withdrawal of what we never had may mean.

        They are those with a number like it; else one of the person's.
        """
        alike = [each for each in self._near(arrival) if _goes_on(each, arrival)]
        theirs = [self.known.get(each.referral_id, each) for each in self.theirs.get(person_id, ())]
        return alike or [each for each in theirs if _goes_on(each, arrival)][:1]

    def meet(self, arrival: Arrival) -> tuple[UUID, list[UUID], bool]:
        """This will give whom an arrival is about, who else has a number that it gives, and whether one is another's.

        A number of somebody who cannot be the same is not theirs: then they are somebody new.
        """
        mine = [each for each in arrival.prints if not self._is_of_another(each, arrival)]
        person_id, besides = store.person_of(mine, self.people, self.id_of(arrival))
        self._learn(arrival, person_id)
        return person_id, besides, len(mine) < len(arrival.prints)

    def _is_of_another(self, print_: str, arrival: Arrival) -> bool:
        theirs = self.theirs.get(self.people[print_], ()) if print_ in self.people else ()
        told = [each.order for each in theirs if each.state != "refused" and each.order.person.birth_date]
        return bool(told) and all(contradict(arrival.order, each) for each in told)

    def meet_again(self, known: store.Referral, arrival: Arrival) -> list[UUID]:
        """This will keep a number that stands beside one that is the person's, and list whose else one is."""
        whose = {self.people[each] for each in arrival.prints if each in self.people}
        if known.person_id in whose:
            self._learn(arrival, known.person_id)
        return sorted(whose - {known.person_id})

    def _learn(self, arrival: Arrival, person_id: UUID) -> None:
        fresh = {each: person_id for each in arrival.prints if each not in self.people}
        self.people |= fresh
        self.met |= fresh

    def add(self, arrival: Arrival, referral: store.Referral) -> None:
        """This will remember a new referral by all by which it is found again."""
        self.known[referral.referral_id] = referral
        self.placed[arrival.placer] = referral.referral_id
        self.numbers.setdefault(store.numbered(arrival.organisation, arrival.order.identifier), referral.referral_id)
        self.alike.setdefault(arrival.alike, []).append(referral.referral_id)
        self.theirs.setdefault(referral.person_id, []).append(referral)


def _goes_on(each: store.Referral, arrival: Arrival) -> bool:
    taken_back = each.state in OVER or each.order.status in TAKEN_BACK
    return each.organisation == arrival.organisation and not taken_back
