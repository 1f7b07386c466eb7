"""The programme's own people: they clear risk, answer offers, record visits, and look after supporters."""

from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from deploy.world.edges import Edges
from deploy.world.people import CHALLENGES, FIRST_NAMES, TAGS

SUPPORTERS_PER_PERSON = 1 / 8
CAPACITY = 6
DECLINES = ("time", "caseload", "not_my_experience", "distance")


def supporters(count: int, seed: int) -> list[dict[str, Any]]:
    """This will invent supporters, as the programme registers them."""
    chance = Random(seed + 1)
    return [_supporter(number, chance) for number in range(count)]


def _supporter(number: int, chance: Random) -> dict[str, Any]:
    languages = [{"code": "en", "level": "native"}]
    if number % 4 == 0:
        languages.append({"code": "es", "level": "fluent"})
    site = ("northside", "lakeside")[number % 2]
    return {
        "supporter_id": str(uuid5(NAMESPACE_URL, f"supporter {number}")),
        "public_name": chance.choice(FIRST_NAMES),
        "site_id": site,
        "zone": {"northside": "America/New_York", "lakeside": "America/Chicago"}[site],
        "languages": languages,
        "gender": chance.choice(("woman", "man")),
        "age": chance.randrange(25, 65),
        "challenges": chance.sample(tuple(CHALLENGES), 2),
        "life_tags": chance.sample(TAGS, 2),
        "modalities": ["in_person", "video", "audio"],
        "windows": [{"weekday": day, "start": "09:00", "end": "18:00"} for day in range(5)],
        "capacity": CAPACITY,
        "credential": {"state": "NY", "number": f"CPS-{number:04}", "valid_to": "2027-12-31"},
        "background_check_valid": True,
        "networks": ["garden-health", "carolina-mco"],
        "npi": f"1{number:09}",
        "active": True,
    }


OFFERINGS = [
    {"kind": "warm_line", "internal_name": "Northside warm line", "public_label": "Phone line", "site_id": "northside"},
    {"kind": "drop_in", "internal_name": "Lakeside drop-in", "public_label": "Open house", "site_id": "lakeside"},
]


class Staff:
    """Acts for supporters and screeners on whatever the system puts before them."""

    def __init__(self, edges: Edges, seed: int) -> None:
        self.edges, self.seed = edges, seed
        self.offers: dict[str, datetime | None] = {}
        self.recorded_until: datetime | None = None

    async def register(self, some: list[dict[str, Any]]) -> None:
        """This will register supporters."""
        for each in some:
            await self.edges.send("matching", f"/supporters/{each['supporter_id']}", each, method="PUT")

    async def open_doors(self) -> None:
        """This will register what is open to everybody, so that nobody waits with nothing."""
        for each in OFFERINGS:
            path = f"/offerings/{uuid5(NAMESPACE_URL, each['internal_name'])}"
            await self.edges.send("matching", path, each, method="PUT")

    async def act(self, now: datetime) -> bool:
        """This will do what is to be done at this moment, and say whether there was anything."""
        acted = [await self._screen(now), await self._answer_offers(now), await self._record(now)]
        return any(acted)

    async def _screen(self, now: datetime) -> bool:
        """This will look at what waits for a person: everybody is cleared, by name, two hours later."""
        acted = False
        for task in await self.edges.get("referrals", "/work"):
            opened = datetime.fromisoformat(task["opened_at"])
            if task["kind"] in ("crisis", "screen") and now - opened >= timedelta(hours=2):
                body = {"by": "Dana Reed", "reason": "Called and talked through the safety plan", "outcome": "clear"}
                path = f"/referrals/{UUID(task['about'])}/screening"
                await self.edges.send("referrals", path, body)
                acted = True
        return acted

    async def _answer_offers(self, now: datetime) -> bool:
        acted = False
        for offer in await self.edges.get("matching", "/offers", state="open"):
            chance = Random(f"{self.seed} {offer['offer_id']}")
            hours = chance.randrange(1, 7)
            silent = chance.random() < 0.04
            when = self.offers.setdefault(offer["offer_id"], None if silent else now + timedelta(hours=hours))
            if when is not None and when <= now:
                await self._answer(offer["offer_id"], chance)
                acted = True
        return acted

    async def _answer(self, offer_id: str, chance: Random) -> None:
        if chance.random() < 0.12:
            body = {"answer": "decline", "code": chance.choice(DECLINES), "by": "supporter"}
        else:
            body = {"answer": "accept", "by": "supporter"}
        await self.edges.send("matching", f"/offers/{offer_id}/answer", body, refused_too=(409,))

    @property
    def next_moment(self) -> datetime | None:
        """When the next supporter answers."""
        return min((each for each in self.offers.values() if each), default=None)

    def forget_before(self, now: datetime) -> None:
        """This will let go of answers that were given."""
        self.offers = {offer: when for offer, when in self.offers.items() if when is None or when > now}

    async def _record(self, now: datetime) -> bool:
        """This will say, for every visit that is over, who came and for how long."""
        since = (self.recorded_until or now) - timedelta(days=2)
        over = await self.edges.get(
            "scheduling", "/sessions", **{"from": since.isoformat(), "to": now.isoformat(), "state": "booked"}
        )
        acted = False
        for session in over["sessions"]:
            if datetime.fromisoformat(session["ends_at"]) <= now:
                for seat in session["seats"]:
                    await self._record_seat(session, seat)
                    acted = True
        self.recorded_until = now
        return acted

    async def _record_seat(self, session: dict[str, Any], seat: dict[str, Any]) -> None:
        chance = Random(f"{self.seed} {seat['seat_id']}")
        if chance.random() < 0.09:
            body: dict[str, Any] = {"outcome": "no_show", "by": "supporter"}
        else:
            note = {"signed": True, "signed_by": "supporter", "activity_codes": ["MENTOR"]}
            body = {"outcome": "attended", "minutes": chance.randrange(38, 61), "note": note, "by": "supporter"}
        path = f"/sessions/{session['session_id']}/seats/{seat['seat_id']}/outcome"
        await self.edges.send("scheduling", path, body)
