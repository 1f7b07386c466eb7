"""Takes in one HL7 v2 message of an organisation, and answers it after the commit."""

import logging
from dataclasses import dataclass
from uuid import UUID, uuid4

from services.referrals import store
from services.referrals.edge import Edge
from services.referrals.fhir.outcome import Kept, Refused, away, refuse
from services.referrals.hl7v2 import answers, message, request
from services.referrals.hl7v2.message import Message
from services.referrals.rules.order import Posted, Reading
from shared.away import is_away
from shared.clock import real
from shared.pace import Pace
from shared.programme import SUSPENDED

logger = logging.getLogger(__name__)
FAULT = "a fault of ours: nothing was taken in; send it again, and tell us your MSH-10"


@dataclass(frozen=True, kw_only=True)
class Taking:
    """What a message is taken in by, and how fast."""

    edge: Edge
    pace: Pace

    async def __call__(self, raw: bytes, *, organisation: str) -> list[bytes]:
        """This will take in a message, and give the answers to it; it never raises.

        Who sends too fast is answered more slowly.
        """
        read, answer_id, known = None, uuid4(), self.edge.programme.organisations.get(organisation)
        test = known is not None and known.test
        refused: Refused
        await self.pace.keep(organisation)
        try:
            read = message.read(raw)
            self._refuse_suspended(organisation)
            standing = await self._standing(read, organisation)
        except Kept as wrong:
            refused = wrong
        except Refused as wrong:
            refused = await self._account(answer_id, organisation, wrong)
        except Exception as wrong:
            refused = _fault(wrong)
        else:
            return answers.told(read, standing, at=real(), answer_id=answer_id)
        read = read or message.heading(raw)
        return [answers.refused(read, refused, at=real(), answer_id=answer_id, test=test)]

    def _refuse_suspended(self, organisation: str) -> None:
        if self.edge.programme.organisations[organisation].suspended:
            raise refuse("forbidden", "", SUSPENDED, status=403)

    async def _standing(self, read: Message, organisation: str) -> answers.Standing:
        if request.is_question(read):
            return await self._told(await self._known(read, organisation))
        reading = Reading([Posted(request.order(read))], marked=request.marked(read))
        (received,) = await self.edge.keep(uuid4(), organisation, reading)
        await self.edge.insist([received], person="PID")
        return await self._told(received.referral)

    async def _known(self, read: Message, organisation: str) -> store.Referral:
        identifier = request.asked_about(read)
        async with self.edge.database.reading() as db:
            found = await store.by_placer(db, organisation, identifier)
        if found is None:
            asks = "ask about a referral of your own, by the number you sent it with"
            raise refuse("not-found", request.place_of_number(read), asks)
        return found

    async def _told(self, referral: store.Referral) -> answers.Standing:
        (task,) = await self.edge.tasks([referral], way="hl7v2")
        business, why = task["businessStatus"], task.get("statusReason", {})
        reason = why.get("text", "")
        # A reason may begin with what the status says, and go on.
        words = [reason] if reason.startswith(business["text"]) else [business["text"], reason]
        return answers.Standing(
            referral_id=referral.referral_id,
            identifier=referral.order.identifier,
            namespace=referral.order.namespace,
            status=task["status"],
            business=business["coding"][0]["code"],
            told=". ".join(filter(None, words)),
            reason=reason,
            code=next((each["code"] for each in why.get("coding", [])), ""),
            notice=" ".join(each["text"] for each in task.get("note", [])),
            test=referral.test,
        )

    async def _account(self, post_id: UUID, organisation: str, wrong: Refused) -> Refused:
        """This will account for what was refused; when even that fails, the sender sends it again."""
        try:
            await self.edge.account(post_id, organisation, wrong)
        except Exception as fault:
            return _fault(fault)
        return wrong


def _fault(wrong: Exception) -> Refused:
    if is_away(wrong):
        return away()
    logger.error("a message could not be taken in: %s", type(wrong).__name__)
    return refuse("exception", "", FAULT, status=503)
