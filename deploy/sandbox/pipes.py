"""What an HL7 v2 answer says: taken or not, what is wrong, and which referral it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import hl7


@dataclass(frozen=True)
class Answer:
    """MSA-1; of what was taken in, our number for it and RF1-1; else the words of every ERR."""

    code: str
    errors: Sequence[str] = ()
    referral_id: UUID | None = None
    standing: str = ""

    @property
    def status(self) -> str:
        """This will give what is shown of it."""
        return f"{self.code}, RF1-1 {self.standing}" if self.standing else self.code


def answer_of(raw: bytes) -> Answer:
    """This will read an acknowledgement of ours."""
    answer = hl7.parse(raw.decode())
    code = str(answer.segment("MSA")[1])
    if code != "AA":
        return Answer(code, [answer.unescape(str(each[8])) for each in answer.segments("ERR")])
    request = answer.segment("RF1")
    return Answer(code, (), UUID(str(request[11][0][0])), str(request[1]))
