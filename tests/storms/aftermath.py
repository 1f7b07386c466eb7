"""What has to be true when a storm is over: everything came to rest, and everything is as on a quiet day."""

import json
import time
from collections import Counter

import httpx

from tests.demos import Demo, alongside

SAME = ("accepted", "crisis_review", "needs_screen", "needs_info", "refused")
"""What becomes of a post that is new: a post asked again changes none of it."""


def seconds_until_rest(played: Demo, within: float = 30.0) -> float:
    """How long it takes until no service has anything under way; it fails when that is too long."""
    begun = time.monotonic()
    while told := under_way(played):
        assert time.monotonic() - begun < within, f"stuck {within:.0f} s after the storm: {told}"
        time.sleep(0.2)
    return time.monotonic() - begun


def under_way(played: Demo) -> list[str]:
    """What services say is unsent, put aside, under way or dead."""
    key = (played.data / "keys" / "api" / "programme.key").read_text().strip()
    found = []
    for name, url in played.addresses()["services"].items():
        answer = httpx.get(f"{url}/quiet", headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False)
        told = answer.raise_for_status().json()
        found += [f"{name}: {told[each]} {each}" for each in ("unsent", "aside", "errands", "dead") if told[each]]
    return found


def check_is_clean(played: Demo) -> None:
    """See that `alongside check` finds no promise broken, and nothing that it could not look at."""
    told = alongside("check", "--data", str(played.data), "--messages", str(played.log), "--json")

    found = json.loads(told.stdout)
    assert told.returncode == 0, [each for each in found if each["broken"] or each["unseen"]]


def every_reminder_was_sent_once(played: Demo) -> None:
    """See that the provider took each text once, and as many as the services believe."""
    taken = [json.loads(line) for line in played.log.read_text().splitlines()]
    texts = Counter(each["key"] for each in taken if each["kind"] == "text")

    figures = played.figures()

    assert [key for key, times in texts.items() if times > 1] == []
    assert len(texts) == figures["messages_sent"] > 0
    assert (figures["reminders_failed"], figures["reminders_unknown"], figures["reminders_sending"]) == (0, 0, 0)


def as_many_were_taken_in(played: Demo, quiet: dict[str, int]) -> None:
    """See that what was posted became what it becomes on a quiet day, however often it was asked again."""
    figures = played.figures()

    asked_again = figures["referrals_duplicates"] - quiet["duplicates"]

    assert {each: figures[f"referrals_{each}"] for each in SAME} == {each: quiet[each] for each in SAME}
    assert asked_again >= 0
    assert sum(figures[f"referrals_{each}"] for each in (*SAME, "duplicates")) == (
        quiet["referrals_posted"] + asked_again
    )


def everybody_is_cared_for(played: Demo, quiet: dict[str, int]) -> None:
    """See that whoever was accepted is matched, asked about, or waits, and that whoever is matched has visits."""
    figures = played.figures()

    asked = figures["matches_made"] + figures["offers_open"] + figures["matching_waiting"]
    assert asked == quiet["matches_made"] + quiet["offers_open"] + quiet["waiting_now"]
    assert figures["sessions_booked"] == 12 * figures["matches_made"]
