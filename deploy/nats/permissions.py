"""What each user of the broker may publish and subscribe to: exactly what it reaches, its inbox, and nothing else."""

from collections.abc import Sequence
from typing import Any

from deploy.nats import plan
from deploy.nats.reach import Reach
from shared import names

Permissions = dict[str, Any]

REPLIES = "_R_.>"
"""
Where the server has a question from another account replied to: a fresh random subject for each, chosen by the server.

A replier may publish here and nowhere else. `allow_responses` would let it publish to any reply subject that a question
names, whoever named it.
"""


def inbox(user: str) -> str:
    """This will give the prefix under which a user, and nobody else, receives replies."""
    return f"_INBOX_{user}"


def admin() -> Permissions:
    """This will allow the command to declare and inspect everything, and to say nothing but the time."""
    subscribe = [f"{inbox(plan.ADMIN)}.>", names.CLOCK_SUBJECT, "$JS.EVENT.ADVISORY.>"]
    return {"publish": {"allow": ["$JS.API.>", names.CLOCK_SUBJECT]}, "subscribe": {"allow": subscribe}}


def service(name: str, reached: Sequence[Reach]) -> Permissions:
    """This will allow a service to publish what it reaches, to hear the time, and to reply to what it is asked."""
    asked = [names.query_subject("*", each) for each, replier in plan.REPLIES_TO.items() if replier == name]
    publish = [*(each.here for each in reached), *([REPLIES] if asked else [])]
    return {"publish": {"allow": publish}, "subscribe": {"allow": [f"{inbox(name)}.>", names.CLOCK_SUBJECT, *asked]}}


def organisation(one: plan.Organisation, reached: Sequence[Reach]) -> Permissions:
    """This will allow an organisation to publish what it reaches, and to hear the replies."""
    # `> *` is every subject in any queue group: nobody shares an organisation's replies.
    subscribe = {"allow": [f"{inbox(one.organisation_id)}.>"], "deny": ["> *"]}
    return {"publish": {"allow": [each.here for each in reached]}, "subscribe": subscribe}
