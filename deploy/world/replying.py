"""People who answer their texts: most do not, some come, a few cannot, one wants no more of them."""

import asyncio
from collections.abc import Mapping
from random import Random

import aiohttp

from deploy.world.edges import Edges
from deploy.world.people import Person


class Replying:
    """Reads what the provider delivered since last time, and answers as each person would."""

    def __init__(self, edges: Edges, provider: str, secret: str, people: list[Person], seed: int) -> None:
        self.edges, self.provider, self.secret, self.seed = edges, provider, secret, seed
        self.by_phone: Mapping[str, Person] = {each.phone: each for each in people}
        self.read = 0
        self.replies = 0

    async def act(self) -> bool:
        """This will answer what arrived, and say whether anybody did."""
        try:
            async with self.edges.http.get(f"{self.provider}/taken?after={self.read}", raise_for_status=True) as answer:
                told = (await answer.json())["taken"]
        except aiohttp.ClientError:
            return False
        before = self.replies
        texts = [
            (number, each)
            for number, each in enumerate(told, self.read)
            if each["kind"] == "text" and "1=" in each["text"]
        ]
        self.read += len(told)
        await asyncio.gather(*(self._reply(number, each) for number, each in texts))
        return self.replies > before

    async def _reply(self, number: int, message: dict[str, str]) -> None:
        person = self.by_phone.get(message["to"])
        chance = Random(f"{self.seed} {message['key']}")
        if not person or chance.random() > person.replies:
            return
        text = chance.choices(("1", "3", "2", "ok thanks", "STOP"), (88, 7, 2, 2, 1))[0]
        body = {"from": message["to"], "text": text, "id": f"in-{number}"}
        await self.edges.send("notifications", "/inbound/sms", body, headers={"X-Inbound-Secret": self.secret})
        self.replies += 1
