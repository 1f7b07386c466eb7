"""What an HL7 v2 answer says: taken or not, what is wrong, and which referral it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import hl7


@dataclass(frozen=True)
class Answer:
    """MSA-1; of what was taken in, our number for it and where it stands; else the words of every ERR."""

    code: str
    errors: Sequence[str] = ()
    referral_id: UUID | None = None
    standing: str = ""

    @property
    def status(self) -> str:
        """This will give what is shown of it."""
        return f"{self.code}, {self.standing}" if self.standing else self.code


def is_followed(raw: bytes) -> bool:
    """This will say whether an answer is the first of two: an ACK of what was taken in, before its OSU."""
    answer = hl7.parse(raw.decode())
    return str(answer.segment("MSH")[9]).startswith("ACK") and str(answer.segment("MSA")[1]) == "AA"


def answer_of(*frames: bytes) -> Answer:
    """This will read what we answered: an acknowledgement, and behind that of 360X where the order stands."""
    answers = [hl7.parse(each.decode()) for each in frames]
    answer, code = answers[-1], str(answers[0].segment("MSA")[1])
    if code != "AA":
        return Answer(code, [answer.unescape(str(each[8])) for each in answer.segments("ERR")])
    if any(str(each[0]) == "ORC" for each in answer):
        order = answer.segment("ORC")
        return Answer(code, (), UUID(str(order[3][0][0])), f"ORC-1 {order[1]}")
    request = answer.segment("RF1")
    return Answer(code, (), UUID(str(request[11][0][0])), f"RF1-1 {request[1]}")
