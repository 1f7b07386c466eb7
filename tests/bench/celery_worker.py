"""The Celery rival's application: a chain of four tasks a referral, each writing one service's rows in a transaction.

`celery -A tests.bench.celery_worker worker`: `BENCH_REDIS` is its broker, `BENCH_DATABASES` the four databases.
"""

import os
from functools import cache

from celery import Celery, chain
from kombu import pools
from sqlalchemy import Engine, create_engine

from shared import names
from tests.bench import given

app = Celery("bench", broker=os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/0"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "4")),
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@cache
def engine(service: str) -> Engine:
    """A worker process's connection to a service's database."""
    url = os.environ["BENCH_DATABASES"].replace("{service}", service)
    return create_engine(given.sync_url(url), pool_size=1)


@app.task(name="step")
def step(service: str, path: str, person: int) -> None:
    """Write one person's rows of one service."""
    with engine(service).begin() as db:
        given.write(db, path, person, service)


def point_at(broker: str) -> None:
    """Let this process hand its referrals to a broker, whatever it was pointed at before."""
    app.conf.broker_url = broker
    pools.reset()
    app._after_fork()


def send(path: str, person: int) -> None:
    """Begin one referral's way."""
    chain(*(step.si(service, path, person) for service in names.SERVICES)).apply_async()
