"""Connects the switchboard to the bus: consumers for facts and postings, subscriptions for questions."""

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from faststream.nats import NatsBroker
from faststream.nats.message import NatsMessage

from shared import names
from shared.mailbox.box import Mailbox
from shared.mailbox.pull import listen
from shared.mailbox.said import Ingested
from shared.mailbox.switchboard import Question
from shared.programme import POSTS, Organisation, Programme

logger = logging.getLogger(__name__)


def listen_to_everything(broker: NatsBroker, mailbox: Mailbox, programme: Programme) -> None:
    """This will subscribe to all that the switchboard hears; nothing is read before the broker starts."""
    listener, share = mailbox.speaker, mailbox.share
    for speaker in sorted(mailbox.board.speakers()):
        name = names.consumer(listener, speaker, share)
        _pull(broker, mailbox, names.stream(speaker), name, f"{speaker}.>")
    if mailbox.board.hears_sealed():
        name = names.consumer(listener, "sealed", share)
        _pull(broker, mailbox, names.SEALED_STREAM, name, *names.heard_subjects("sealed", listener=listener))
    listen_to_posts(broker, mailbox, programme.organisations.values())
    for question, handler in mailbox.board.questions.items():
        _answer(broker, mailbox, question, handler)


def listen_to_posts(broker: NatsBroker, mailbox: Mailbox, organisations: Iterable[Organisation]) -> list[Any]:
    """This will subscribe to what organisations post; where the broker runs already, start what is given back."""
    return [
        _pull(
            broker,
            mailbox,
            names.ingest_stream(each.organisation_id),
            mailbox.speaker,
            names.ingest_subject(each.organisation_id, "*"),
        )
        for each in organisations
        if mailbox.board.ingests.keys() & POSTS[each.kind] and mailbox.share.startswith("0/")
    ]


def _pull(broker: NatsBroker, mailbox: Mailbox, stream: str, consumer: str, subject: str) -> Any:
    counted_as = f"{consumer}-on-ingest" if stream.startswith(names.ingest_stream("")) else consumer
    take = partial(mailbox.take, consumer=counted_as)
    return listen(
        broker,
        stream=stream,
        consumer=consumer,
        subject=subject,
        take=take,
        title=f"{stream}:{consumer}",
        deaf=mailbox.deaf,
    )


def _answer(broker: NatsBroker, mailbox: Mailbox, question: str, handler: Question) -> None:
    subscriber = broker.subscriber(
        names.query_subject("*", question), queue=mailbox.speaker, decoder=_asked, title=f"query:{question}"
    )

    async def answer(asked: Ingested) -> Any:
        async with mailbox.database.transaction() as db:
            return await handler(asked, db)

    subscriber(answer)


async def _asked(message: NatsMessage) -> Any:
    raw: Any = message.raw_message
    _, organisation, kind, _ = raw.subject.split(".")
    return Ingested(organisation, kind, raw.data, message.content_type or "", message.message_id)
