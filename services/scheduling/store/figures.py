"""What this service has done, counted from its tables."""

from datetime import datetime

from sqlalchemy import Column, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.store.tables import seats, series, sessions


async def figures(db: AsyncConnection, *, now: datetime) -> dict[str, int]:
    """This will count series, sessions by what became of them, seats and units."""
    by_state = await _count_by(db, sessions.c.state)
    rows = await _count_by(db, series.c.state)
    waiting = select(func.count()).select_from(sessions).where(sessions.c.state == "booked", sessions.c.ends_at <= now)
    return {
        "series_booked": rows.get("booked", 0) + rows.get("ended", 0),
        "series_ended": rows.get("ended", 0),
        "sessions_booked": sum(by_state.values()),
        "sessions_held": by_state.get("held", 0),
        "sessions_missed": by_state.get("missed", 0),
        "sessions_cancelled": by_state.get("cancelled", 0),
        "sessions_unrecorded": await db.scalar(waiting) or 0,
        **await _units(db),
    }


async def _count_by(db: AsyncConnection, state: Column[str]) -> dict[str, int]:
    found = await db.execute(select(state, func.count()).group_by(state))
    return {row[0]: row[1] for row in found}


async def _units(db: AsyncConnection) -> dict[str, int]:
    held = seats.c.state == "held"
    attended, unknown = (
        await db.execute(
            select(func.count().filter(held), func.count().filter(held & seats.c.code.is_(None))).select_from(seats)
        )
    ).one()
    delivered, covered = (
        await db.execute(
            select(
                func.coalesce(func.sum(seats.c.units_delivered), 0), func.coalesce(func.sum(seats.c.units_covered), 0)
            )
        )
    ).one()
    return {
        "seats_attended": attended,
        "coverage_unknown": unknown,
        "units_delivered": delivered,
        "units_covered": covered,
        "units_not_covered": delivered - covered,
    }
