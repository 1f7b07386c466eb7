"""What each user of the broker may publish and subscribe to: exactly what it needs, and nothing else."""

from collections.abc import Sequence
from typing import Any

from deploy.nats import plan
from shared import names

Permissions = dict[str, Any]

REPLIES = "_R_.>"
"""
Where the server sends a reply to another account's question: a fresh random subject per question, made by the server.

A responder may publish here and nowhere else. `allow_responses` would let it publish to whatever reply subject a
question of its own account names, and so into a stream.
"""


def inbox(user: str) -> str:
    """This will give the prefix under which a user, and nobody else, receives replies."""
    return f"_INBOX_{user}"


def admin() -> Permissions:
    """This will allow the command to declare and inspect everything, and to say nothing but the time."""
    subscribe = [f"{inbox(plan.ADMIN)}.>", names.CLOCK_SUBJECT, "$JS.EVENT.ADVISORY.>"]
    return {"publish": {"allow": ["$JS.API.>", names.CLOCK_SUBJECT]}, "subscribe": {"allow": subscribe}}


def service(name: str, organisations: Sequence[plan.Organisation], consumers: Sequence[plan.Consumer]) -> Permissions:
    """This will allow a service to say its own facts, read its own consumers, and answer whom it answers."""
    own = [subject for each in consumers if each.owner == name for subject in reading(each)]
    asked = sorted({question for question, replier in plan.REPLIES_TO.items() if replier == name})
    publish = [*_saying(name, organisations), *_time(), *own, *([REPLIES] if asked else [])]
    subscribe = [f"{inbox(name)}.>", names.CLOCK_SUBJECT, *(names.query_subject("*", each) for each in asked)]
    return {"publish": {"allow": publish}, "subscribe": {"allow": subscribe}}


def organisation(one: plan.Organisation, reader: plan.Consumer) -> Permissions:
    """This will allow an organisation to post, to ask, and to read its own answers."""
    publish = [*plan.posted_subjects(one), *plan.asked_subjects(one), *crossing(reader)]
    # `> *` is every subject in any queue group: nobody shares an organisation's replies.
    subscribe = {"allow": [f"{inbox(one.organisation_id)}.>"], "deny": ["> *"]}
    return {"publish": {"allow": publish}, "subscribe": subscribe}


def crossing(consumer: plan.Consumer) -> tuple[str, str]:
    """This will give the two subjects that read a consumer from another account: ask for the next, and acknowledge."""
    at = f"{consumer.stream}.{consumer.name}"
    return f"$JS.API.CONSUMER.MSG.NEXT.{at}", f"$JS.ACK.{at}.>"


def reading(consumer: plan.Consumer) -> list[str]:
    """This will list the subjects that read a consumer at home: the acknowledgement in both of the server's forms."""
    at = f"{consumer.stream}.{consumer.name}"
    return [*crossing(consumer), f"$JS.ACK.*.*.{at}.>", f"$JS.API.CONSUMER.INFO.{at}"]


def _saying(name: str, organisations: Sequence[plan.Organisation]) -> list[str]:
    answered = [each.organisation_id for each in organisations] if name in plan.ANSWERS else []
    sealed = [f"sealed.{each}.>" for each in plan.SEALS.get(name, ())]
    streams = [names.stream(name), *([names.SEALED_STREAM] if sealed else []), *map(names.status_stream, answered)]
    subjects = [f"{name}.>", *sealed, *(f"status.{each}.>" for each in answered)]
    return [*subjects, *(f"$JS.API.STREAM.INFO.{each}" for each in streams)]


def _time() -> list[str]:
    return [f"$JS.API.STREAM.INFO.{names.CLOCK_STREAM}", f"$JS.API.DIRECT.GET.{names.CLOCK_STREAM}.>"]
