"""Whose doors messages would go in by, as those who keep them say: asked before the first message is sent."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import hl7

from deploy.sandbox.sending import ANSWERED_WITHIN, LARGEST, PATIENCE, REFUSED, Doors
from deploy.sandbox.verdicts import words_of
from services.referrals.fhir.codes import SENDER
from services.referrals.mllp.frames import NoFrame, framed, read_frame

TEST = "HTEST"


class NotMeant(ValueError):
    """Messages would go elsewhere than their sender says, or reach people without a word about it."""


@dataclass(frozen=True)
class Standing:
    """Whose key it is, and whether that one is for tests; nothing where the service does not say."""

    organisation: str
    test: bool


async def insist(doors: Doors, *, by_hand: bool, real: bool) -> str:
    """This will give what to tell who sends, and raise NotMeant where messages would go to people unmeant.

    `by_hand` says that the line of HL7 v2 was named, and not found in a data folder; `real` that people are meant.
    """
    found = await _standing(doors)
    if found.organisation not in ("", doors.organisation):
        raise NotMeant(f"the key is not one of {doors.organisation}: give its own, with --key or in ALONGSIDE_KEY.")
    doubt = ""
    if not found.test:
        said = "no organisation for tests" if found.organisation else "not known to be an organisation for tests"
        doubt = f"{doors.organisation} is {said}"
    elif by_hand and doors.mllp and not await _is_line_for_tests(doors.mllp):
        doubt = "{}:{} is not known to be a line for tests".format(*doors.mllp)
    warning = f"{doubt}: people are helped, written to and paged."
    if doubt and not real:
        raise NotMeant(f"{warning} Nothing was sent; say --real to mean it.")
    return warning if doubt else ""


async def _standing(doors: Doors) -> Standing:
    """This will ask over HTTP whose key it is, by a search for nothing."""
    headers = {"Authorization": f"Bearer {doors.key}"}
    async with aiohttp.ClientSession(headers=headers, timeout=PATIENCE) as http:
        url = f"{doors.http}/fhir/Task?_count=0"
        async with http.get(url, allow_redirects=False) as answer:
            body: Any = await answer.json(content_type=None)
            if answer.status >= REFUSED:
                words = " ".join(words_of(body)) if isinstance(body, dict) else ""
                raise NotMeant(f"{doors.http} answered {answer.status}: {words or 'no FHIR'}")
    meta: dict[str, Any] = body.get("meta", {}) if isinstance(body, dict) else {}
    tags = [each.get("code", "") for each in meta.get("tag", []) if each.get("system") == SENDER]
    return Standing(
        next(iter(tags), ""), bool(tags) and TEST in [each.get("code") for each in meta.get("security", [])]
    )


async def _is_line_for_tests(line: tuple[str, int]) -> bool:
    """This will ask a line where a referral stands that there is not: its answer says whether it is for tests."""
    number = uuid4().hex[:20]
    asked = rf"MSH|^~\&|||||||REF^I15^REF_I12|{number}|P|2.5.1" + f"\rRF1||||||{number}\r"
    try:
        async with asyncio.timeout(ANSWERED_WITHIN):
            reader, writer = await asyncio.open_connection(*line, limit=LARGEST)
            try:
                writer.write(framed(asked.encode()))
                raw = await read_frame(reader)
            finally:
                writer.close()
        labels = str(hl7.parse(raw.decode()).segment("MSH")[8]) if raw else ""
    except (NoFrame, hl7.ParseException, UnicodeDecodeError, IndexError, KeyError):
        return False
    return TEST in labels.split("~")
