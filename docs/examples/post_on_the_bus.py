"""Posts one thing on the bus, and waits for what Alongside says of it.

    python post_on_the_bus.py <NATS URL> <seed file> <organisation> <kind> <JSON file>

It needs `nats-py[nkeys]`. The kind is coverage, authorization or another that your organisation may post; the seed file
is your organisation's own NATS key.
"""

import asyncio
import hashlib
import json
import sys
from pathlib import Path

import nats


async def post(url: str, seed: str, organisation: str, kind: str, body: bytes) -> None:
    """This will post once, and print your organisation's statuses until one is about this post."""
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix=f"_INBOX_{organisation}")
    stream = client.jetstream()
    statuses = await stream.pull_subscribe_bind("reader", f"STATUS_{organisation}")

    # The same Nats-Msg-Id within an hour is the same message: repeat it until you get this acknowledgement.
    number = hashlib.sha256(body).hexdigest()
    headers = {"Nats-Msg-Id": number, "Content-Type": f"application/vnd.alongside.{kind}.v1+json"}
    stored = await stream.publish(f"ingest.{organisation}.{kind}.v1", body, headers=headers)
    print(f"stored as message {stored.seq}{', known already' if stored.duplicate else ''}")

    answered = bool(stored.duplicate)
    while not answered:
        for message in await statuses.fetch(100, timeout=30):
            told = json.loads(message.data)
            answered = answered or told.get("message_id") == number
            print(json.dumps(told))
            await message.ack()
    await client.close()


if __name__ == "__main__":
    asyncio.run(post(*sys.argv[1:5], Path(sys.argv[5]).read_bytes()))
