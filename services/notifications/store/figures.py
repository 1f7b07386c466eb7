"""How much was planned, sent, skipped and answered."""

from sqlalchemy import Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.store.tables import answers, opt_outs, pages, reminders, replies


async def figures(db: AsyncConnection) -> dict[str, int]:
    """This will count what this service did, by what became of it."""
    states = await _by_state(db, reminders)
    said, paged = await _by_state(db, answers), await _by_state(db, pages)
    sent = states.get("accepted", 0) + states.get("delivered", 0)
    return {
        "reminders_planned": sum(states.values()),
        "reminders_sent": sent,
        "reminders_skipped": states.get("skipped", 0),
        "reminders_failed": states.get("failed", 0),
        "reminders_unknown": states.get("unknown", 0),
        "reminders_sending": states.get("sending", 0),
        "reminders_waiting": states.get("due", 0),
        "messages_sent": sent + said.get("accepted", 0),
        "opted_out": await _count(db, select(func.count()).select_from(opt_outs)),
        "pages_sent": paged.get("sent", 0),
        "pages_failed": paged.get("failed", 0),
        "replies_received": await _count(db, select(func.count()).select_from(replies)),
        "sends_in_quiet_hours": await _count(db, select(func.count()).where(reminders.c.quiet.is_(True))),
    }


async def _by_state(db: AsyncConnection, table: Table) -> dict[str, int]:
    counted = select(table.c.state, func.count()).group_by(table.c.state)
    return {row[0]: row[1] for row in await db.execute(counted)}


async def _count(db: AsyncConnection, counted: Select[int]) -> int:
    return int(await db.scalar(counted) or 0)
