"""Hospitals, clinics and a community centre that refer: by FHIR and HL7 v2, over HTTP, MLLP and the bus, some wrong."""

import asyncio
import json
from collections import Counter
from datetime import datetime

from deploy.world.edges import Edges
from deploy.world.people import Person, service_request
from deploy.world.pipes import ref
from shared import names

FHIR = {"Content-Type": "application/fhir+json"}
ANSWERS = {"AA": 201, "AE": 422}
"""What is answered on a line, as HTTP has it."""

WRONG = ("garbled", "wrong_type", "unknown_code")


class Referring:
    """Posts each person when their time has come, and remembers what it posted."""

    def __init__(self, edges: Edges, people: list[Person]) -> None:
        self.edges = edges
        self.waiting = list(people)
        self.posted: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()

    @property
    def next_moment(self) -> datetime | None:
        """When the next person is referred."""
        return self.waiting[0].posted_at if self.waiting else None

    async def act(self, now: datetime) -> bool:
        """This will post everybody whose time has come, and say whether there was anybody."""
        due = [each for each in self.waiting if each.posted_at <= now]
        self.waiting = self.waiting[len(due) :]
        await asyncio.gather(*(self._post(person) for person in due))
        return bool(due)

    async def _post(self, person: Person) -> None:
        pipes = person.over == "mllp" and person.organisation in self.edges.mllp
        body = ref(person) if pipes else json.dumps(service_request(person)).encode()
        if person.mishap == "garbled":
            body = body[: len(body) // (4 if pipes else 2)]
        times = 2 if person.mishap == "twice" else 1
        for time in range(times):
            self.posted["referrals"] += 1
            await self._send(person, body, time)
        self.posted["duplicates"] += times - 1
        self.posted["refused" if person.mishap in (*WRONG, "other_service") else "well_formed"] += 1

    async def _send(self, person: Person, body: bytes, time: int) -> None:
        if person.over == "mllp" and person.organisation in self.edges.mllp:
            self.answers[ANSWERS[await self.edges.send_pipes(person.organisation, body)]] += 1
        elif person.over != "bus":
            path = "/fhir/ServiceRequest"
            by = person.organisation
            answer = await self.edges.call("POST", "referrals", path, by=by, data=body, headers=FHIR)
            self.answers[answer.status] += 1
        else:
            subject = names.ingest_subject(person.organisation, "referral")
            await self.edges.post_on_bus(person.organisation, subject, body, f"{person.identifier}-{time}")
