"""What a post is known by: its referrals, their people, and the ones they repeat or would be instead of."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.referrals import store
from services.referrals.reading import Reading
from services.referrals.rules import triage
from services.referrals.rules.journey import TAKEN_BACK
from services.referrals.rules.likeness import contradict
from services.referrals.rules.order import Posted, ReferralOrder
from services.referrals.rules.protection import protected


@dataclass(frozen=True, kw_only=True)
class Post:
    """One post of an organisation; `post_id` tells it from another with the same content."""

    post_id: UUID
    organisation: str
    reading: Reading


@dataclass(frozen=True, kw_only=True)
class Received:
    """A referral as it is in the store, whether this post made it, and its place in the post.

    `of_another` says that it was to be taken back for a person who is another, and was not.
    """

    referral: store.Referral
    new: bool
    entry: int
    of_another: bool = False


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One referral of a post, and by what it, its person, and the one it asks to be instead of are known.

    `alike` is by what others are found whose number may be the same, written otherwise; whoever comes with one of the
    same `numbers`, however written, waits.
    """

    post_id: UUID
    entry: int
    organisation: str
    order: ReferralOrder
    known: UUID | None
    placer: str
    content: str
    prints: tuple[str, ...]
    instead: str | None
    instead_number: str
    alike: str
    numbers: frozenset[str]

    @property
    def back(self) -> bool:
        """Whether it takes a referral back."""
        return self.order.status in TAKEN_BACK


def arrivals_of(post: Post) -> list[Arrival]:
    """This will list the referrals of a post."""
    return [_arrival(post, each) for each in post.reading.posted]


def _arrival(post: Post, posted: Posted) -> Arrival:
    name, order, unless = post.organisation, posted.order, posted.unless
    placer, alike = store.placer_of(name, order), store.alike(name, order.identifier)
    return Arrival(
        post_id=post.post_id,
        entry=posted.entry,
        organisation=name,
        order=order,
        known=posted.known,
        placer=placer,
        content=store.content_of(name, order),
        prints=store.prints_of(name, order),
        instead=store.named_by(name, unless) if unless else None,
        instead_number=store.numbered(name, unless) if unless and not unless.system else "",
        alike=alike,
        numbers=frozenset(filter(None, (alike or placer, store.alike(name, unless)))),
    )


def says_something_else(known: store.Referral, arrival: Arrival) -> bool:
    """This will say whether a repeat differs from what is known: what was taken back is asked for again, too.

    Where only the day of discharge is another, that is no matter to judge: the clock goes by it.
    """
    if arrival.order.status != known.order.status:
        return True
    return arrival.content != known.content and _undated(arrival.order) != _undated(known.order)


def is_of_another(arrival: Arrival, known: store.Referral) -> bool:
    """This will say whether a withdrawal is of another person than the referral that it names."""
    return arrival.back and known.order.status not in TAKEN_BACK and contradict(arrival.order, known.order)


def _undated(order: ReferralOrder) -> ReferralOrder:
    return order.model_copy(update={"authored_at": None, "discharged_on": None, "namespace": ""})


def comparison(known: store.Referral, arrival: Arrival) -> str:
    """This will name the comparison of a repeat with what is known."""
    return f"{known.referral_id} {arrival.content[:12]}"


def unless_revoked(referral: store.Referral, revoked_at: datetime | None) -> store.Referral:
    """This will leave out of a new referral what its person agreed to before they took their consents back."""
    if revoked_at is None:
        return referral
    order, written_at = referral.order, referral.order.authored_at or referral.arrived_at
    kept = [each for each in order.consents if (each.signed_at or written_at) > revoked_at]
    order = order.model_copy(update={"consents": kept})
    return replace(referral, order=order, withheld=written_at <= revoked_at)


def fresh_of(
    arrival: Arrival, verdict: triage.Verdict, ids: tuple[UUID, UUID], site_id: str, at: datetime
) -> store.Referral:
    """This will give a new referral as its verdict leaves it; `ids` are its own and its person's."""
    referral_id, person_id = ids
    return store.Referral(
        referral_id=referral_id,
        person_id=person_id,
        organisation=arrival.organisation,
        site_id=site_id,
        content=arrival.content,
        order=arrival.order,
        part2=protected(arrival.order),
        first_outcome=verdict.outcome,
        state=verdict.outcome,
        reasons=verdict.reasons,
        arrived_at=at,
        told_at=at,
        latest=arrival.content,
        crisis_at=at if verdict.outcome == "crisis_review" else None,
    )
