"""The insurer's question, the same on every edge: its own members only, and only what consent allows."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.plans import Plans
from services.scheduling.rules.question import DISCLOSURE, Cursor, Question, totals
from services.scheduling.rules.units import TAXONOMY
from services.scheduling.store import answers as store
from services.scheduling.store.answers import Owner, PersonSum
from services.scheduling.store.covering import labels_of
from shared import strict_json
from shared.clock import in_z, now
from shared.consents import consents_of_many
from shared.disclosure import may_disclose
from shared.mailbox import Ingested, Reply
from shared.places import wrongs
from shared.programme import SUSPENDED, Programme

BUS_ROOM = 56 * 1024
"""What fits into a message of an organisation's account (64 KiB), beside the totals; longer pages end earlier."""
SOME = 5000
"""How many people's consents are looked up at once."""
SAME = ("version", "plan_id", "code", "modifiers", "place_of_service", "modality", "outcome", "rule_version")
"""What an insurer is told as it is kept."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A payer's question and the edge it came by, `http` or `bus`; `room` is for so many bytes of sessions."""

    payer: str
    question: Question
    edge: str
    room: int = sys.maxsize


async def answer(asked: Asked, db: AsyncConnection, *, plans: Plans) -> Reply:
    """This will answer with a page of sessions and the totals of all of them, and log that it was told."""
    ask: dict[str, Any] = {"asked": asked.question, "payer": asked.payer, "hidden": plans.hidden()}
    sums = await store.sums(db, **ask)
    open_to = await _open_to(db, sums, asked.payer)
    denied = [reasons for owner, reasons in await store.denied(db, **ask) if owner in open_to]
    page = await _page(db, ask, open_to, asked.room)
    await store.log(db, asked.question, payer=asked.payer, edge=asked.edge, at=now(), count=len(page["sessions"]))
    told = totals([(each.member, each.sum) for each in sums if each.owner in open_to], denied)
    return Reply({"disclosure": DISCLOSURE, **page, "totals": told})


async def answer_on_bus(
    asked: Ingested, db: AsyncConnection, *, plans: Plans, programme: Programme, room: int = BUS_ROOM
) -> dict[str, Any]:
    """This will answer the same question asked by NATS request; what is wrong with it comes back as `error`."""
    caller = programme.organisations.get(asked.organisation)
    if caller is None or caller.kind != "payer":
        return _error(403, "Your organisation may not ask this", [{"where": "subject", "remedy": "this is for: payer"}])
    if caller.suspended:
        return _error(403, "Your organisation may not ask this now", [{"where": "subject", "remedy": SUSPENDED}])
    try:
        question = Question.model_validate(strict_json.parse(asked.body))
    except strict_json.Malformed as wrong:
        return _error(400, "The question is not acceptable JSON", [{"where": wrong.where, "remedy": wrong.remedy}])
    except ValidationError as wrong:
        return _error(422, "The question does not say what this needs", wrongs(wrong.errors(), "$"))
    whole = Asked(payer=asked.organisation, question=question, edge="bus", room=room)
    told: dict[str, Any] = (await answer(whole, db, plans=plans)).answer
    return told


def _error(status: int, title: str, errors: list[dict[str, str]]) -> dict[str, Any]:
    return {"error": {"status": status, "title": title, "errors": errors}}


async def _open_to(db: AsyncConnection, sums: Iterable[PersonSum], payer: str) -> set[Owner]:
    """This will keep those of whom this payer may be told; the others are left out without a trace."""
    owners = sorted({each.owner for each in sums}, key=str)
    found: set[Owner] = set()
    for start in range(0, len(owners), SOME):
        some = owners[start : start + SOME]
        found |= await _may_be_told(db, some, payer)
    return found


async def _may_be_told(db: AsyncConnection, owners: list[Owner], payer: str) -> set[Owner]:
    people = {person for person, _ in owners}
    consents, labels = await consents_of_many(db, people), await labels_of(db, people)
    return {
        (person, referral)
        for person, referral in owners
        if may_disclose(
            consents.get(person, []),
            recipient=payer,
            classes=["payer"],
            purpose="payment",
            at=now(),
            part2=_part2(labels.get(person, {}), referral),
        )
    }


def _part2(labels: dict[UUID, bool], referral: UUID | None) -> bool:
    """This will say whether a seat is under Part 2; when unsure it is."""
    if referral is not None:
        return labels.get(referral, True)
    return any(labels.values()) or not labels


async def _page(db: AsyncConnection, ask: dict[str, Any], open_to: set[Owner], room: int) -> dict[str, Any]:
    """This will fill a page up to the limit asked for, and up to `room` bytes, but with one session at least."""
    asked: Question = ask["asked"]
    page: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    async for row in store.rows(db, **ask):
        if (row["person_id"], row["referral_id"]) not in open_to:
            continue
        told = _told(row)
        room -= len(json.dumps(told))
        if page and (len(page) == asked.limit or room < 0):
            return {"sessions": page, "next": _cursor(last, asked).write()}
        page.append(told)
        last = row
    return {"sessions": page, "next": None}


def _cursor(row: dict[str, Any], asked: Question) -> Cursor:
    place = row["changed_at"] if asked.changed_since else row["service_date"]
    return Cursor(value=place.isoformat(), seat_id=row["seat_id"])


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """This will put a seat into the words of the insurer's answer: no note, no name, no diagnosis."""
    return {
        "session_id": str(row["session_id"]),
        "seat_id": str(row["seat_id"]),
        "member_id": row["member"]["member_id"],
        **{each: row[each] for each in SAME},
        **_when(row),
        **_units(row),
        "rendering_npi": row["npi"],
        "taxonomy": TAXONOMY,
        "note_signed": row["note_status"] == "signed",
        "updated_at": in_z(row["changed_at"]),
    }


def _when(row: dict[str, Any]) -> dict[str, Any]:
    """This will say when the contact was, without an hour where there was none."""
    begun, minutes = row["started_at"] if row["state"] == "held" else None, row["minutes"] or 0
    return {
        "service_date": row["service_date"].isoformat(),
        "started_at": in_z(begun) if begun else None,
        "ended_at": in_z(begun + timedelta(minutes=minutes)) if begun else None,
        "minutes": minutes,
    }


def _units(row: dict[str, Any]) -> dict[str, Any]:
    """This will say what of the units is covered, why not the rest, and what is left of the authorisation."""
    return {
        "units_delivered": row["units_delivered"],
        "units_covered": row["units_covered"],
        "units_not_covered": row["units_delivered"] - row["units_covered"],
        "reasons": sorted(row["denied"]),
        "authorisation": row["authorisation"],
        "authorised_units_left": row["authorised_left"],
    }
