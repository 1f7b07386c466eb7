"""Promises about the closed loop: somebody must act for every open referral, and only a kept visit completes one."""

from collections.abc import Mapping
from datetime import timedelta

from deploy.check.books import Books, Row

All = Mapping[str, Books]
Looked = tuple[int, list[str]]
OVER = ("refused", "completed", "closed")
STEPS = ("answer", "phone", "screen", "ask", "match", "book", "meet", "go_on", "close")
ASKED = {"answer": ("crisis",), "phone": ("crisis_taken",), "screen": ("screening",), "ask": ("missing_info",)}
RAN_OUT = ("overdue", "no_visit_kept", "contact_before_discharge", "discharge_follow_up")
"""The tasks of a clock that has run out."""

RINGS = timedelta(minutes=1)
"""How long a clock may take to ring."""


def owned(books: All) -> Looked:
    """This will find open referrals for which nobody must act, or at no time, and clocks of what is over."""
    rows = _of_people(books)
    return len(rows), [row["referral_id"] for row in rows if not _is_owned(row)]


def _is_owned(referral: Row) -> bool:
    if referral["state"] in OVER and not referral["crisis_at"]:
        return referral["awaits"] is None and referral["act_by"] is None
    return referral["awaits"] in STEPS and referral["act_by"] is not None


def noticed(books: All) -> Looked:
    """This will find referrals whose clock has run out, and that nobody has been asked about since."""
    now = max((row["said_at"] for each in books.values() for row in each["outbox"]), default=None)
    late = [row for row in _of_people(books) if now and row["act_by"] and row["act_by"] < now - RINGS and row["awaits"]]
    asked = {(row["kind"], row["about"]) for row in books["referrals"]["tasks"] if not row["done_at"]}
    return len(late), [row["referral_id"] for row in late if not _is_asked(row, asked)]


def _is_asked(referral: Row, asked: set[tuple[str, str]]) -> bool:
    kinds = ASKED.get(referral["awaits"], RAN_OUT)
    return any((kind, referral["referral_id"]) in asked for kind in kinds)


def evident(books: All) -> Looked:
    """This will find completed referrals of people of whom no visit was ever kept."""
    completed = [row for row in _of_people(books) if row["state"] == "completed"]
    series = {row["series_id"]: row["referral_id"] for row in books["scheduling"]["series"]}
    kept = {series.get(row["series_id"]) for row in books["scheduling"]["seats"] if row["state"] == "held"}
    return len(completed), [row["referral_id"] for row in completed if row["referral_id"] not in kept]


def _of_people(books: All) -> list[Row]:
    """This will leave out what came for tests: there nobody must act, and nobody is visited."""
    return [row for row in books["referrals"]["referrals"] if not row["test"]]
