"""A process of the DBOS rival: one durable workflow a referral, its four steps each writing one service's rows.

`python -m tests.bench.dbos_worker SYSTEM_DATABASE DATABASES WORKERS HOW` runs until it is told to end. HOW is
`transactions` (a datasource for each database: the step's checkpoint is in the transaction of its rows) or `steps`
(plain steps with a transaction inside, which a second run leaves as it is).
"""

import os
import signal
import sys
from typing import Any

from dbos import DBOS, SQLAlchemyDatasource
from sqlalchemy import create_engine

from shared import names
from tests.bench import given

QUEUE, WORKFLOW, APPLICATION = "referrals", "carry", "bench"


def steps(databases: str, how: str, connections: int) -> dict[str, Any]:
    """The four steps by service."""
    pool = {"pool_size": connections, "max_overflow": 0}
    urls = {each: given.sync_url(databases.replace("{service}", each)) for each in names.SERVICES}
    if how == "steps":
        return {name: _plain(name, create_engine(url, **pool)) for name, url in urls.items()}
    return {name: _transaction(name, SQLAlchemyDatasource.create(url, pool)) for name, url in urls.items()}


def _plain(service: str, engine: Any) -> Any:
    @DBOS.step(name=service)
    def step(path: str, person: int) -> None:
        with engine.begin() as db:
            given.write(db, path, person, service)

    return step


def _transaction(service: str, source: SQLAlchemyDatasource) -> Any:
    @source.transaction(name=service, isolation_level="READ COMMITTED")
    def step(path: str, person: int) -> None:
        given.write(source.sql_session().connection(), path, person, service)

    return step


def main(system: str, databases: str, workers: str, how: str) -> None:
    """Serve the queue."""
    count = int(workers)
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": given.sync_url(system),
            "application_version": "1",
            "executor_id": f"bench-{os.getpid()}",
            "sys_db_pool_size": count + 4,
            "max_executor_threads": count + 8,
            "log_level": "WARNING",
        }
    )
    each_step = steps(databases, how, count)

    @DBOS.workflow(name=WORKFLOW)
    def carry(path: str, person: int) -> None:
        for service in names.SERVICES:
            each_step[service](path, person)

    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=count, polling_interval_sec=0.1)
    given.told("ready")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(*sys.argv[1:])
