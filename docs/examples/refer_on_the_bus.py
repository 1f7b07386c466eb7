"""Posts a referral on the bus, and waits for what Alongside says of it.

    python refer_on_the_bus.py <NATS URL> <seed file> <organisation> <FHIR JSON file>

It needs `nats-py[nkeys]`. The seed file is your organisation's own NATS key.
"""

import asyncio
import json
import sys
from pathlib import Path

import nats
import nats.errors


async def refer(url: str, seed: str, organisation: str, body: bytes) -> None:
    """This will post once, and print your organisation's statuses until one is about this post."""
    identifier = json.loads(body)["identifier"][0]["value"]
    # Your account lets you use no other inbox, so that nobody reads another's answers.
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix=f"_INBOX_{organisation}")
    stream = client.jetstream()
    statuses = await stream.pull_subscribe_bind("reader", f"STATUS_{organisation}")

    # The same Nats-Msg-Id within an hour is the same message: repeat it until you get this acknowledgement.
    headers = {"Nats-Msg-Id": identifier, "Content-Type": "application/fhir+json"}
    stored = await stream.publish(f"ingest.{organisation}.referral.v1", body, headers=headers)
    print(f"stored as message {stored.seq}{', known already' if stored.duplicate else ''}")

    answered = False
    while not answered:
        # What was known already has no answer of its own; what waits is printed all the same.
        try:
            waiting = await statuses.fetch(100, timeout=2 if stored.duplicate else 30)
        except nats.errors.TimeoutError:
            print("nothing more waits")
            break
        for message in waiting:
            told = json.loads(message.data)
            answered = answered or is_about(told, message.headers or {}, identifier)
            print(json.dumps(told))
            await message.ack()
    await client.close()


def is_about(told: dict, headers: dict, identifier: str) -> bool:
    """This will know a Task by your identifier, and an OperationOutcome by the Nats-Msg-Id you posted with."""
    if told["resourceType"] == "OperationOutcome":
        return headers.get("ce-subject") == identifier
    return identifier in [each["value"] for each in told["identifier"]]


if __name__ == "__main__":
    asyncio.run(refer(*sys.argv[1:4], Path(sys.argv[4]).read_bytes()))
