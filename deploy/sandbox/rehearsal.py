"""The referrals service itself, on a store of its own for as long as messages are checked: nothing is kept or sent."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.sandbox.asgi import post
from deploy.sandbox.files import Message
from deploy.sandbox.pipes import answer_of
from deploy.sandbox.understood import in_short
from deploy.sandbox.verdicts import Outcome, Reply, Verdict, ids_in, not_taken, of_task, words_of
from services.referrals import app, handlers, store
from services.referrals.edge import Edge
from services.referrals.mllp import Taking
from services.referrals.settings import Settings
from shared import mailbox, sealed
from shared.clock import now
from shared.events.notifications import OnCallPaged
from shared.pace import Pace
from shared.programme import Programme, hash_key, new_key
from shared.service import Service
from shared.work import open_tasks

FASTEST = 1_000_000
REFUSED = 400
TOLD = ("crisis", "crisis_taken", "screening", "missing_info")
"""What the verdict says already."""


@asynccontextmanager
async def rehearsing(programme: Programme, organisation: str) -> AsyncIterator["Rehearsal"]:
    """This will open the service for one organisation of a programme, and leave nothing behind."""
    with TemporaryDirectory(prefix="alongside-") as name:
        key, folder = new_key(organisation), Path(name)
        service = app.create(settings := _settings(folder, programme, organisation, key))
        await service.open_store()
        try:
            edge = app.edge_of(service, settings)
            yield Rehearsal(service, edge, organisation, key)
        finally:
            await service.database.close()


def _settings(folder: Path, programme: Programme, organisation: str, key: str) -> Settings:
    one = programme.organisations[organisation].model_copy(update={"key_hashes": [hash_key(key)]})
    ours = programme.model_copy(update={"organisations": {**programme.organisations, organisation: one}})
    path, keys = folder / "programme.json", folder / "seal.json"
    path.write_text(ours.model_dump_json())
    keys.write_text(sealed.new_keys())
    # Whatever the environment says of a service that runs here is not for this one.
    return Settings(
        database_url=f"sqlite:///{folder / 'referrals.sqlite'}",
        programme=path,
        seal_keys=keys,
        requests_per_second=FASTEST,
        requests_at_once=FASTEST,
        mllp={},
        mllp_certificate=None,
        mllp_key=None,
        mllp_authorities=None,
        hook_origins={},
        hook_authorities=None,
    )


@dataclass(frozen=True)
class Rehearsal:
    """A service that takes messages in one after another, as a live one would, and is heard by nobody."""

    service: Service
    edge: Edge
    organisation: str
    key: str
    seen: set[UUID] = field(default_factory=set)

    async def take(self, message: Message) -> Outcome:
        """This will take a message in the way it comes by, and say what became of it."""
        ways = {"FHIR": self._over_http, "HL7 v2": self._over_mllp, "our JSON": self._on_the_bus}
        return await ways[message.dialect](message)

    async def _over_http(self, message: Message) -> Outcome:
        headers = {"authorization": f"Bearer {self.key}", "content-type": message.media}
        status, raw = await post(self.service.http, message.path, message.raw, headers)
        body = json.loads(raw)
        if status >= REFUSED:
            return not_taken(str(status), words_of(body))
        return await self._found(ids_in(body), str(status))

    async def _over_mllp(self, message: Message) -> Outcome:
        taking = Taking(edge=self.edge, pace=Pace(FASTEST, FASTEST))
        answer = answer_of(*await taking(message.raw, organisation=self.organisation))
        if answer.referral_id is None:
            return not_taken(answer.status, answer.errors)
        return await self._found([answer.referral_id], answer.status)

    async def _on_the_bus(self, message: Message) -> Outcome:
        taken = mailbox.Ingested(self.organisation, "referral", message.raw, message.media, str(uuid4()))
        statuses: list[mailbox.Status] = await self.service.mailbox.run(self._ingest, taken)
        outcomes = [each.body for each in statuses if each.body["resourceType"] == "OperationOutcome"]
        if outcomes:
            return not_taken("status", words_of(outcomes[0]))
        return await self._found([UUID(each.about) for each in statuses], "status")

    async def _ingest(self, taken: mailbox.Ingested, db: AsyncConnection) -> mailbox.Reply:
        said = await handlers.ingest([taken], db, programme=self.service.programme)
        return mailbox.Reply([each for each in said if isinstance(each, mailbox.Status)], said)

    async def _found(self, ids: Sequence[UUID], status: str) -> Outcome:
        """This will look up what became of some referrals."""
        async with self.service.database.reading() as db:
            known = await store.by_ids(db, ids)
            asked = {each.kind for each in await open_tasks(db) if each.about.split(" ")[0] in map(str, ids)}
        some = [known[each] for each in dict.fromkeys(ids)]
        tasks = await self.edge.tasks(some)
        verdicts = [self._verdict(each, task) for each, task in zip(some, tasks, strict=True)]
        await self._page(some)
        words = [word for each in tasks for word in words_of(each)]
        reads = [in_short(each.order) for each in some]
        return Outcome(verdicts, Reply(status, list(dict.fromkeys(words))), reads, sorted(asked - self._told()))

    def _told(self) -> set[str]:
        """This will name the tasks that say nothing new; a programme without insurers knows no insurance."""
        payers = any(each.kind == "payer" for each in self.service.programme.organisations.values())
        return {*TOLD, *(() if payers else ("coverage_unclear",))}

    def _verdict(self, referral: store.Referral, task: dict[str, Any]) -> Verdict:
        known = referral.referral_id in self.seen
        self.seen.add(referral.referral_id)
        return of_task(task, known=known)

    async def _page(self, some: Sequence[store.Referral]) -> None:
        """This will take every page about danger, as a pager does that works: else the next sender were told 503."""
        pages = [
            OnCallPaged(
                page_id=uuid4(),
                person_id=each.person_id,
                referral_id=each.referral_id,
                raised_at=each.crisis_at,
                paged_at=now(),
            )
            for each in some
            if each.crisis_at and not each.paged_at
        ]
        if pages:
            await self.service.mailbox.run(handlers.paged, pages)
