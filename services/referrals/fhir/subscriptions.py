"""A Subscription as partners write it, and as we say it: FHIR R4 with the R5 backport's extensions."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from services.referrals.fhir.answers import instant
from services.referrals.fhir.codes import BASE
from services.referrals.fhir.links import model
from services.referrals.fhir.outcome import Code, Refused, refuse
from services.referrals.fhir.words import All, Element, Few, Moment, One, Resource, Short, Text, instant_of
from services.referrals.rules.hooks import NotAllowed, Reach, endpoint, headers
from services.referrals.rules.subscriptions import Content, Subscription, Wanted, error

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PROFILE = BACKPORT + "backport-subscription"
CONTENT, HEARTBEAT = BACKPORT + "backport-payload-content", BACKPORT + "backport-heartbeat-period"
TIMEOUT, MOST = BACKPORT + "backport-timeout", BACKPORT + "backport-max-count"
TOPIC_ID = "referral-status"
TOPIC = BASE + "SubscriptionTopic/" + TOPIC_ID
FHIR_JSON = "application/fhir+json"
HIDDEN = "********"
"""Stands for the value of a header that was given before; who sends it back means that value."""

MOST_HEADERS, MOST_EVENTS = 10, 100
LEAST_HEARTBEAT, LONGEST_HEARTBEAT = 60, 86_400
USUAL_TIMEOUT, LONGEST_TIMEOUT = 5, 10


class Told(Element):
    url: Text = ""
    code: Text | None = Field(None, alias="valueCode")
    unsigned: int | None = Field(None, alias="valueUnsignedInt")
    positive: int | None = Field(None, alias="valuePositiveInt")

    def number(self) -> int | None:
        """This will give the value as a number, however it is typed."""
        return self.unsigned if self.unsigned is not None else self.positive


class Extended(Element):
    extension: Few[Told] = []


class Channel(Extended):
    type: Short
    endpoint: Text | None = None
    payload: Short | None = None
    about_payload: One[Extended] = Field(Extended(), alias="_payload")
    header: All[Text] = []


class Asked(Resource):
    status: Literal["requested", "active", "error", "off"]
    reason: Annotated[Short, Field(min_length=1)]
    criteria: Short
    about_criteria: One[Extended] = Field(Extended(), alias="_criteria")
    end: Moment | None = None
    channel: One[Channel]


def read(raw: Any, reach: Reach, *, before: Subscription | None = None, now: datetime) -> tuple[Wanted, bool]:
    """This will read a Subscription, and say whether it is to be off; Refused with the element's path.

    Who changes one sends it as it was `before`: what we hid of a header means what it was.
    """
    if not isinstance(raw, dict) or raw.get("resourceType") != "Subscription":
        raise refuse("not-supported", "resourceType", "send a Subscription here")
    asked = model(Asked, raw, "Subscription")
    if before is None and asked.status != "requested":
        raise _wrong("status", "begin with requested: it is active when your endpoint took the handshake")
    if asked.criteria != TOPIC:
        raise _wrong("criteria", f"subscribe to {TOPIC}", code="not-supported")
    if asked.about_criteria.extension:
        raise _wrong("criteria.extension", "leave the filters out: this topic has none", code="not-supported")
    ends_at = instant_of(asked.end)
    if ends_at and ends_at <= now and asked.status != "off":
        raise _wrong("end", "let it end later than now, or leave the end out")
    wanted = _wanted(asked, reach, before, ends_at)
    return wanted, asked.status == "off"


def _wanted(asked: Asked, reach: Reach, before: Subscription | None, ends_at: datetime | None) -> Wanted:
    channel = asked.channel
    if channel.type != "rest-hook":
        raise _wrong("channel.type", "let the type be rest-hook", code="not-supported")
    if channel.payload != FHIR_JSON:
        raise _wrong("channel.payload", f"let the payload be {FHIR_JSON}", code="not-supported")
    try:
        url = endpoint(channel.endpoint or "", reach).url
    except NotAllowed as wrong:
        raise _wrong("channel.endpoint", str(wrong)) from None
    beat = _number(channel, HEARTBEAT, LEAST_HEARTBEAT, LONGEST_HEARTBEAT, "seconds")
    return Wanted(
        endpoint=url,
        headers=_headers(channel, url, before),
        content=_content(channel),
        reason=asked.reason,
        heartbeat=timedelta(seconds=beat) if beat else None,
        timeout=_number(channel, TIMEOUT, 1, LONGEST_TIMEOUT, "seconds") or USUAL_TIMEOUT,
        most=_number(channel, MOST, 1, MOST_EVENTS, "events") or MOST_EVENTS,
        ends_at=ends_at,
    )


def _content(channel: Channel) -> Content:
    found = [each.code for each in channel.about_payload.extension if each.url == CONTENT]
    if found == ["empty"]:
        return "empty"
    if found == ["id-only"]:
        return "id-only"
    if found == ["full-resource"]:
        remedy = "ask for id-only or empty, and read the Task: nobody's health data leaves by a call of ours"
        raise _wrong("channel.payload.extension", remedy, code="not-supported")
    raise _wrong("channel.payload.extension", f"say id-only or empty, as {CONTENT}", code="required")


def _number(channel: Channel, url: str, least: int, most: int, unit: str) -> int | None:
    for place, each in enumerate(channel.extension):
        if each.url == url:
            number = each.number()
            if number is None or not least <= number <= most:
                raise _wrong(f"channel.extension[{place}]", f"write a number of {unit} from {least} to {most:,}")
            return number
    return None


def _headers(channel: Channel, url: str, before: Subscription | None) -> dict[str, str]:
    if len(channel.header) > MOST_HEADERS:
        raise _wrong("channel.header", f"send at most {MOST_HEADERS}", code="too-long")
    kept = {}
    if before and before.wanted.endpoint == url:
        kept = {f"{name}: {HIDDEN}": f"{name}: {value}" for name, value in before.wanted.headers.items()}
    found: dict[str, str] = {}
    for place, line in enumerate(channel.header):
        try:
            known = headers([*(f"{name}: {value}" for name, value in found.items()), kept.get(line, line)])
        except NotAllowed as wrong:
            raise _wrong(f"channel.header[{place}]", str(wrong)) from None
        # A secret was given for one endpoint: it does not follow to another.
        if HIDDEN in known.values():
            raise _wrong(
                f"channel.header[{place}]", "send the whole header: it was given for another endpoint, or never"
            )
        found = known
    return found


def _wrong(path: str, remedy: str, *, code: Code = "value") -> Refused:
    return refuse(code, f"Subscription.{path}", remedy)


def written(known: Subscription) -> dict[str, Any]:
    """This will give a Subscription as its owner may read it: without what its headers hold."""
    wanted = known.wanted
    numbers = [(TIMEOUT, "valueUnsignedInt", wanted.timeout), (MOST, "valuePositiveInt", wanted.most)]
    if wanted.heartbeat:
        numbers.insert(0, (HEARTBEAT, "valueUnsignedInt", int(wanted.heartbeat.total_seconds())))
    body: dict[str, Any] = {
        "resourceType": "Subscription",
        "id": str(known.subscription_id),
        "meta": {"lastUpdated": instant(known.changed_at), "profile": [PROFILE]},
        "status": known.status,
        "reason": wanted.reason,
        "criteria": TOPIC,
        "channel": {
            "extension": [{"url": url, name: value} for url, name, value in numbers],
            "type": "rest-hook",
            "endpoint": wanted.endpoint,
            "payload": FHIR_JSON,
            "_payload": {"extension": [{"url": CONTENT, "valueCode": wanted.content}]},
        },
    }
    if wanted.ends_at:
        body["end"] = instant(wanted.ends_at)
    if told := error(known):
        body["error"] = told
    if wanted.headers:
        body["channel"]["header"] = [f"{name}: {HIDDEN}" for name in wanted.headers]
    return body
