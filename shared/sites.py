"""Refuses to start with a programme that has lost a site where somebody is known: nobody there would be helped."""

from sqlalchemy import Connection, Text, column, inspect, select, table

from shared.database import Database
from shared.programme import Programme


async def refuse_lost(database: Database, programme: Programme) -> None:
    """This will raise ValueError, naming the sites, when the store holds some that the programme does not describe."""
    async with database.reading() as db:
        lost = await db.run_sync(_kept) - set(programme.sites)
    if lost:
        raise ValueError(f"programme.json has lost the site {', '.join(sorted(lost))}, where people are: put it back")


def _kept(connection: Connection) -> set[str]:
    site_id = column("site_id", Text)
    columns = inspect(connection).get_multi_columns()
    tables = [name for (_, name), some in columns.items() if any(each["name"] == "site_id" for each in some)]
    named = (select(site_id).select_from(table(each)).distinct() for each in tables)
    return {site for each in named for site in connection.scalars(each) if site is not None}
