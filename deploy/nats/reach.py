"""What each user reaches beyond its own account: subjects of another account, imported under the same name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.nats import plan
from shared import names

PLATFORM = "PLATFORM"
"""The account that keeps the streams; nobody but the administrator is at home there."""

RENAMED = {
    "$JS.API.STREAM.INFO.*": "away.STREAM.INFO.{{wildcard(1)}}",
    "$JS.API.CONSUMER.INFO.*.*": "away.CONSUMER.INFO.{{wildcard(1)}}.{{wildcard(2)}}",
}
"""
The questions the server would answer for the very account they are asked in, which keeps no streams.

Asked under their usual names, they are renamed first, and named back on the way to the account that keeps the streams.
"""

ONE_REPLY, MANY_REPLIES = "singleton", "stream"


@dataclass(frozen=True)
class Reach:
    """A subject of the account `keeper`, how often it replies, and how many seconds a reply may be waited for."""

    subject: str
    keeper: str = PLATFORM
    replies: str = ONE_REPLY
    within: int = 10

    @property
    def here(self) -> str:
        """This will give the subject's name in the account that reaches out, as permissions and imports see it."""
        asked = re.fullmatch(r"\$JS\.API\.((?:STREAM|CONSUMER)\.INFO\..+)", self.subject)
        return f"away.{asked[1]}" if asked else self.subject


def of_service(
    name: str, organisations: Sequence[plan.Organisation], consumers: Sequence[plan.Consumer]
) -> list[Reach]:
    """This will list what a service reaches: its own facts and consumers, whom it answers, and the time."""
    answered = [each.organisation_id for each in organisations] if name in plan.ANSWERS else []
    sealed = [each for one in plan.SEALS.get(name, ()) for each in names.heard_subjects("sealed", listener=one)]
    streams = [names.stream(name), *([names.SEALED_STREAM] if sealed else []), *map(names.status_stream, answered)]
    said = [f"{name}.>", *sealed, *map(names.status_subjects, answered)]
    told = [*(f"$JS.API.STREAM.INFO.{each}" for each in [*streams, names.CLOCK_STREAM])]
    clock = f"$JS.API.DIRECT.GET.{names.CLOCK_STREAM}.>"
    # What a service says it also reads back; what organisations are told is theirs to read.
    kept = [each for each in streams if not each.startswith(names.status_stream(""))]
    read = [reach for each in consumers if each.owner == name for reach in (*_reading(each), _inspecting(each))]
    read_back = [Reach(f"$JS.API.DIRECT.GET.{each}", replies=MANY_REPLIES) for each in kept]
    return [*(Reach(each) for each in [*said, *told, clock]), *read_back, *read]


def of_organisation(one: plan.Organisation, consumers: Sequence[plan.Consumer]) -> list[Reach]:
    """This will list what an organisation reaches: what it posts, what it asks, and its own answers."""
    posted = [Reach(each) for each in plan.posted_subjects(one)]
    asked = [Reach(subject, keeper=replier) for subject, replier in plan.asked_subjects(one).items()]
    read = [reach for each in consumers if each.owner == one.organisation_id for reach in _reading(each)]
    return [*posted, *asked, *read]


def _reading(consumer: plan.Consumer) -> list[Reach]:
    at = f"{consumer.stream}.{consumer.name}"
    # A request for letters may stay open: its replies are forgotten after two minutes without one.
    return [Reach(f"$JS.API.CONSUMER.MSG.NEXT.{at}", replies=MANY_REPLIES, within=120), Reach(f"$JS.ACK.{at}.>")]


def _inspecting(consumer: plan.Consumer) -> Reach:
    return Reach(f"$JS.API.CONSUMER.INFO.{consumer.stream}.{consumer.name}")
