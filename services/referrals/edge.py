"""What every edge takes posts in by, and tells their senders from: HTTP and MLLP alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from services.referrals import handlers, store
from services.referrals.fhir.answers import unheard
from services.referrals.fhir.outcome import Refused
from services.referrals.rules.directory import Entry
from services.referrals.rules.disclosures import Way
from services.referrals.rules.hooks import Reaches
from services.referrals.rules.order import Reading
from services.referrals.rules.playing import nobody_hears
from services.referrals.rules.triage import PAGED_WITHIN
from shared.clock import now
from shared.database import Database
from shared.mailbox import Ask, Run
from shared.programme import Programme


@dataclass(frozen=True, kw_only=True)
class Edge:
    """`receive` gathers posts, `disclose` what is told; `run` does one thing in a transaction of its own.

    `fhir` is the address of FHIR; it `is_public` where everybody reaches it there. `reaches` says which endpoints of
    subscribers may be called. `shipped` is the directory as it comes with the service.
    """

    receive: Ask
    disclose: Ask
    run: Run
    database: Database
    programme: Programme
    fhir: str = "/fhir"
    is_public: bool = False
    reaches: Reaches = field(default_factory=Reaches)
    shipped: Mapping[UUID, Entry] = field(default_factory=dict)

    async def keep(self, post_id: UUID, organisation: str, reading: Reading) -> list[handlers.Received]:
        """This will take in what was read of a post; Refused where it does not fit the programme."""
        handlers.check(reading, self.programme, organisation)
        post = handlers.Post(post_id=post_id, organisation=organisation, reading=reading)
        received: list[handlers.Received] = await self.receive(post)
        return received

    async def insist(self, received: Sequence[handlers.Received], *, person: str = "Patient") -> None:
        """This will raise Unheard where danger was posted, and the way on which people are paged about it is broken.

        It raises Refused where a referral was to be taken back of somebody else: what was posted is kept all the same.
        """
        for each in await self.unheard([each.referral for each in received]):
            raise unheard(each.order, self.programme.site(each.site_id))
        if wrong := handlers.not_ended(received, person=person, programme=self.programme):
            raise wrong

    async def unheard(self, referrals: Sequence[store.Referral]) -> list[store.Referral]:
        """This will choose one for each site where danger waits, and the way on which people are paged is broken."""
        played = [each for each in referrals if each.test and each.crisis_at and nobody_hears(each.order)]
        waiting = {each.site_id: each for each in sorted(filter(_is_unheard, referrals), key=_raised, reverse=True)}
        if not waiting:
            return played
        before = now() - PAGED_WITHIN
        async with self.database.reading() as db:
            return played + [
                each
                for site, each in waiting.items()
                if (each.crisis_at and each.crisis_at <= before) or await store.nobody_is_paged(db, site, before=before)
            ]

    async def account(self, post_id: UUID, organisation: str, refused: Refused) -> None:
        """This will write down that a post was refused, and where it was wrong."""
        await self.run(partial(handlers.refuse, programme=self.programme), (post_id, organisation, refused))

    async def tasks(self, referrals: Sequence[store.Referral], *, way: Way = "fhir") -> list[dict[str, Any]]:
        """This will give the Tasks of referrals, in their order, as their referrer may see them now, accounted for."""
        async with self.database.reading() as db:
            found = await handlers.tasks_of(db, referrals, programme=self.programme)
        told = [found[each.referral_id] for each in referrals]
        await self.tell(told, way=way)
        return [each.body for each in told]

    async def tell(self, told: Sequence[handlers.Told | handlers.Counted], *, way: Way) -> None:
        """This will account for what is told before it leaves: what cannot be written down is not told."""
        if accounts := handlers.accounts(told, way, programme=self.programme):
            await self.disclose(accounts)


def _raised(referral: store.Referral) -> datetime:
    return referral.crisis_at or now()


def _is_unheard(referral: store.Referral) -> bool:
    return bool(referral.crisis_at and not referral.test and not (referral.paged_at or referral.acknowledged_at))
