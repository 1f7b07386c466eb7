"""An edge whose database is away says so, and when to ask again; a fault of ours stays one."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shared.database import Database
from shared.edge import answer_problems

NOBODY = "postgresql://nobody@127.0.0.1:1/none"


def asking(http: FastAPI) -> httpx.AsyncClient:
    """Whoever asks, and is answered what a socket would be."""
    transport = httpx.ASGITransport(app=http, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service")


def edge(database: Database, statement: str = "select 1") -> FastAPI:
    """An edge with one route, that reads."""
    http = FastAPI()
    answer_problems(http)

    @http.get("/people")
    async def people() -> str:
        async with database.reading() as db:
            return str(await db.scalar(text(statement)))

    return http


async def test_a_database_that_is_away_is_told_as_such_with_when_to_ask_again() -> None:
    async with asking(edge(Database.open(NOBODY))) as http:
        answer = await http.get("/people")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "The database is away"
    assert answer.json()["errors"] == [{"where": "database", "remedy": "ask again in 5 seconds"}]


async def test_a_fault_of_ours_stays_a_fault(database: Database) -> None:
    async with asking(edge(database, "select nothing from nowhere")) as http:
        answer = await http.get("/people")

    assert answer.status_code == 500


@pytest.mark.parametrize("wrong", [ConnectionError("Canary"), TimeoutError("Canary")])
async def test_what_the_error_says_reaches_nobody(wrong: Exception, caplog: pytest.LogCaptureFixture) -> None:
    http = FastAPI()
    answer_problems(http)

    @http.get("/people")
    async def people() -> str:
        raise wrong

    async with asking(http) as asked:
        answer = await asked.get("/people")

    assert answer.status_code == 503
    assert "Canary" not in answer.text + str(answer.headers) + caplog.text
