"""The programme's own people: they clear risk, answer offers, record visits, and look after supporters."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from deploy.world.edges import Edges
from deploy.world.people import CHALLENGES, FIRST_NAMES, TAGS

SUPPORTERS_PER_PERSON = 1 / 8
CAPACITY = 6
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SCREENER = "Dana Reed"
RAN_OUT = ("overdue", "no_visit_kept", "contact_before_discharge", "discharge_follow_up")
GIVEN = 7 * DAY
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
        self.to_screen: dict[str, datetime | None] = {}
        self.sessions: dict[str, Any] = {}
        self.to_record: dict[str, datetime] = {}
        self.look_ahead_until = datetime.min.replace(tzinfo=UTC)

    async def register(self, some: list[dict[str, Any]]) -> None:
        """This will register supporters."""
        for each in some:
            await self.edges.send("matching", f"/supporters/{each['supporter_id']}", each, method="PUT")

    async def open_doors(self) -> None:
        """This will register what is open to everybody, so that nobody waits with nothing."""
        for each in OFFERINGS:
            path = f"/offerings/{uuid5(NAMESPACE_URL, each['internal_name'])}"
            await self.edges.send("matching", path, each, method="PUT")

    async def act(self, now: datetime, moved: set[str]) -> bool:
        """This will do what is to be done at this moment, and say whether there was anything."""
        if "referrals" in moved:
            await self._see_tasks()
        if "matching" in moved:
            await self._see_offers(now)
        acted = await asyncio.gather(self._screen(now), self._answer_offers(now), self._record(now, moved))
        return any(acted)

    async def _see_tasks(self) -> None:
        for task in await self.edges.get("referrals", "/work"):
            if task["kind"] == "crisis":
                path = f"/referrals/{UUID(task['about'])}/acknowledgement"
                await self.edges.send("referrals", path, {"by": SCREENER}, refused_too=(409,))
            if task["kind"] in RAN_OUT:
                await self._look_after(task)
            if task["kind"] in ("crisis", "crisis_taken", "screening"):
                self.to_screen.setdefault(task["about"], datetime.fromisoformat(task["opened_at"]) + 2 * HOUR)

    async def _look_after(self, task: dict[str, Any]) -> None:
        """This will phone about a referral whose time has run out: it gets time, or ends where nobody came."""
        path = f"/referrals/{UUID(task['about'])}"
        if task["kind"] == "no_visit_kept":
            body = {"by": SCREENER, "reason": "unreachable"}
            await self.edges.send("referrals", f"{path}/closure", body, refused_too=(409,))
            return
        until = datetime.fromisoformat(task["due"]) + GIVEN
        body = {"by": SCREENER, "reason": "Called; it takes longer", "until": until.isoformat()}
        await self.edges.send("referrals", f"{path}/clock", body, refused_too=(409, 422))

    async def _see_offers(self, now: datetime) -> None:
        for offer in await self.edges.get("matching", "/offers", state="open"):
            chance = Random(f"{self.seed} {offer['offer_id']}")
            hours, silent = chance.randrange(1, 7), chance.random() < 0.04
            pressing = datetime.fromisoformat(offer["answer_by"]) < now + DAY
            when = now if pressing else now + hours * HOUR
            self.offers.setdefault(offer["offer_id"], None if silent else when)

    async def _screen(self, now: datetime) -> bool:
        """This will clear, by name, those who were called and talked to."""
        due = [about for about, when in self.to_screen.items() if when and when <= now]
        body = {"by": SCREENER, "reason": "Called and talked through the safety plan", "outcome": "clear"}
        for about in due:
            await self.edges.send("referrals", f"/referrals/{UUID(about)}/screening", body)
            self.to_screen[about] = None
        return bool(due)

    async def _answer_offers(self, now: datetime) -> bool:
        due = [offer for offer, when in self.offers.items() if when and when <= now]
        await asyncio.gather(*(self._answer(each) for each in due))
        self.offers.update(dict.fromkeys(due))
        return bool(due)

    async def _answer(self, offer_id: str) -> None:
        chance = Random(f"{self.seed} answer {offer_id}")
        if chance.random() < 0.12:
            body = {"answer": "decline", "code": chance.choice(DECLINES), "by": "supporter"}
        else:
            body = {"answer": "accept", "by": "supporter"}
        await self.edges.send("matching", f"/offers/{offer_id}/answer", body, refused_too=(409,))

    @property
    def next_moment(self) -> datetime | None:
        """When somebody acts next: an offer is answered, a risk is looked at, a visit is over."""
        waiting = [*self.offers.values(), *self.to_screen.values(), *self.to_record.values()]
        return min((each for each in waiting if each), default=None)

    async def _record(self, now: datetime, moved: set[str]) -> bool:
        """This will say, for every visit that is over, who came and for how long."""
        if "scheduling" in moved or now >= self.look_ahead_until:
            await self._see_sessions(now)
        over = [session for session, end in self.to_record.items() if end <= now]
        for each in over:
            del self.to_record[each]
        ended = [self.sessions.pop(each) for each in over]
        seats = [(session, seat) for session in ended for seat in session["seats"]]
        await asyncio.gather(*(self._record_seat(session, seat) for session, seat in seats))
        return bool(over)

    async def _see_sessions(self, now: datetime) -> None:
        """This will note the visits of the next days."""
        self.look_ahead_until = now + DAY
        span = {"from": (now - 2 * DAY).isoformat(), "to": (now + 2 * DAY).isoformat()}
        told = await self.edges.get("scheduling", "/sessions", **span, state="booked", limit="1000")
        self.sessions = {each["session_id"]: each for each in told["sessions"]}
        self.to_record = {name: datetime.fromisoformat(each["ends_at"]) for name, each in self.sessions.items()}

    async def _record_seat(self, session: dict[str, Any], seat: dict[str, Any]) -> None:
        chance = Random(f"{self.seed} {seat['seat_id']}")
        if chance.random() < 0.09:
            body: dict[str, Any] = {"outcome": "no_show", "by": "supporter"}
        else:
            note = {"signed": True, "signed_by": "supporter", "activity_codes": ["MENTOR"]}
            body = {"outcome": "attended", "minutes": chance.randrange(38, 61), "note": note, "by": "supporter"}
        path = f"/sessions/{session['session_id']}/seats/{seat['seat_id']}/outcome"
        await self.edges.send("scheduling", path, body)
