"""What a hospital tells later of somebody reaches, on a real bus, the services that go by it."""

import json
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from services.matching import app as matching
from services.matching.rules.policy import Policy
from services.matching.store.tables import referrals as waiting
from services.referrals import app as referrals
from services.scheduling import app as scheduling
from services.scheduling.rules.plans import read
from services.scheduling.settings import Settings
from services.scheduling.store.tables import labels
from shared import clock, migrations
from shared.database import Database
from tests.bus import PROGRAMME, running_bus, running_mailbox, until
from tests.referrals.makers import NOW, extension, request, risk
from tests.referrals.test_rules_of_consent import LABEL

PLANS = read(Path("services/scheduling/plans.json").read_text())


async def test_a_day_and_a_label_that_come_later_reach_matching_and_scheduling(tmp_path: Path) -> None:
    clock.step_to(NOW)
    settings = Settings(programme=tmp_path / "programme.json", seal_keys=tmp_path / "seal.json")
    switches: dict[str, Any] = {
        "referrals": partial(referrals.switch, programme=PROGRAMME),
        "matching": partial(matching.switch, programme=PROGRAMME, policy=Policy()),
        "scheduling": partial(scheduling.switch, programme=PROGRAMME, plans=PLANS, settings=settings),
    }
    stores = {name: Database.open(f"sqlite:///{tmp_path / name}.sqlite") for name in switches}
    leaves = extension("discharge-date", valueDate=(NOW + timedelta(days=1)).date().isoformat())

    async def known() -> tuple[list[Any], list[Any]]:
        async with stores["matching"].reading() as db, stores["scheduling"].reading() as other:
            mine = await db.execute(select(waiting.c.urgency, waiting.c.part2))
            return [tuple(each) for each in mine], list(await other.scalars(select(labels.c.part2)))

    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(running_bus(tmp_path / "nats"))
        for name, store in stores.items():
            await migrations.upgrade(store, name)
            await stack.enter_async_context(running_mailbox(bus, name, store, switches[name]))
        hospital = await bus.client("general-hospital")

        async def tell(body: Any, then: tuple[list[Any], list[Any]]) -> None:
            posted = json.dumps(body).encode()
            await hospital.jetstream().publish("ingest.general-hospital.referral.v1", posted)
            await until(partial(is_known, then))

        async def is_known(wanted: tuple[list[Any], list[Any]]) -> bool:
            return await known() == wanted

        await tell(request(), ([("routine", False)], [False]))
        await tell(request(extension=[risk("none"), leaves]), ([("urgent", False)], [False]))
        await tell(request(meta={"security": LABEL}), ([("urgent", True)], [True]))
        await hospital.close()
    for store in stores.values():
        await store.close()
