"""Asks on the bus which sessions of your members are covered, page by page.

    python ask_on_the_bus.py <NATS URL> <seed file> <payer> '{"from": "2026-01-01", "to": "2026-03-31"}'

It needs `nats-py[nkeys]`. The seed file is your organisation's own NATS key.
"""

import asyncio
import json
import sys

import nats


async def ask(url: str, seed: str, payer: str, question: dict) -> None:
    """This will print every session that is asked for, a line each, and the totals of all of them."""
    # Your account lets you use no other inbox, so that nobody reads another's answers.
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix=f"_INBOX_{payer}")
    while True:
        message = await client.request(f"query.{payer}.covered-sessions.v1", json.dumps(question).encode(), timeout=30)
        answer = json.loads(message.data)
        if "error" in answer:
            sys.exit(json.dumps(answer["error"]))
        for session in answer["sessions"]:
            print(json.dumps(session))
        if not answer["next"]:
            break
        question = question | {"cursor": answer["next"]}
    print(json.dumps(answer["totals"]))
    await client.close()


if __name__ == "__main__":
    asyncio.run(ask(*sys.argv[1:4], json.loads(sys.argv[4])))
