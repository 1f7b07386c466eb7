"""Every subject anybody might try on the broker, and by hand, who may: neither is read off the code under test."""

from itertools import product

SERVICES = ("referrals", "matching", "scheduling", "notifications")
ORGANISATIONS = ("general-hospital", "river-clinic", "peer-agency", "garden-health")
KINDS = ("referral", "supporter", "coverage", "authorization", "attendance")
STREAMS = (
    "REFERRALS",
    "MATCHING",
    "SCHEDULING",
    "NOTIFICATIONS",
    "SEALED",
    "CLOCK",
    *(f"IN_{each}" for each in ORGANISATIONS),
    *(f"STATUS_{each}" for each in ORGANISATIONS),
)
CONSUMERS = (
    *((speaker.upper(), f"{listener}-on-{speaker}-0of1") for listener, speaker in product(SERVICES, SERVICES)),
    ("SEALED", "scheduling-on-sealed-0of1"),
    ("SEALED", "notifications-on-sealed-0of1"),
    *((f"IN_{each}", "referrals") for each in ORGANISATIONS),
    ("IN_peer-agency", "matching"),
    ("IN_garden-health", "scheduling"),
    ("IN_peer-agency", "scheduling"),
    *((f"STATUS_{each}", "reader") for each in ORGANISATIONS),
)
STREAM_VERBS = (
    *("STREAM.CREATE", "STREAM.UPDATE", "STREAM.INFO", "STREAM.DELETE", "STREAM.PURGE", "STREAM.SNAPSHOT"),
    *("STREAM.RESTORE", "STREAM.MSG.DELETE", "STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.CREATE", "CONSUMER.NAMES"),
    *("CONSUMER.LIST", "STREAM.PEER.REMOVE", "STREAM.PEER.EVACUATE", "STREAM.CANCEL_MOVE", "STREAM.LEADER.STEPDOWN"),
)
CONSUMER_VERBS = (
    *("MSG.NEXT", "INFO", "CREATE", "DURABLE.CREATE", "DELETE", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN"),
)
OTHER_VERBS = (
    *("$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.META.LEADER.STEPDOWN"),
    *("$JS.API.SERVER.REMOVE", "$JS.API.SERVER.EVACUATE", "$JS.API.META.RESCUE", "$JS.API.ACCOUNT.PURGE.PLATFORM"),
    *("$JS.hub.API.STREAM.NAMES", "$JS.FC.REFERRALS.matching-on-referrals-0of1.1", "$JS.EVENT.ADVISORY.API"),
    *("$JS.SNAPSHOT.ACK.REFERRALS.1", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PLATFORM.CONNZ"),
    *("$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.USER.INFO", "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.SERVER.X.RELOAD"),
    *("$SRV.PING", "$KV.x.y", "$O.x.y", "$MQTT.x", "_GR_.x.y", "$GR.x.y", "test", "evt.referral.v1"),
)


def said(room: str) -> str:
    """A subject of a speaker, or of a listener's sealed letters."""
    return f"{room}.some-fact.v1.3"


SPOKEN = {
    *(said(each) for each in SERVICES),
    *(said(f"sealed.{each}") for each in SERVICES),
    *(f"ingest.{org}.{kind}.v1" for org, kind in product(ORGANISATIONS, (*KINDS, "other"))),
    *(f"status.{org}.referral.v1" for org in ORGANISATIONS),
    *(f"query.{org}.{each}.v1" for org, each in product(ORGANISATIONS, ("covered-sessions", "people"))),
    "clock.now.v1",
}
INBOXES = {f"_INBOX_{each}.x" for each in (*SERVICES, *ORGANISATIONS, "admin")} | {"_INBOX.x", "_R_.x.y"}
ACKS = {
    *(f"$JS.ACK.{stream}.{consumer}.1.1.1.1.0" for stream, consumer in CONSUMERS),
    *(f"$JS.ACK._.x.{stream}.{consumer}.1.1.1.1.0" for stream, consumer in CONSUMERS),
}
API = {
    *(f"$JS.API.{verb}.{stream}" for verb, stream in product(STREAM_VERBS, STREAMS)),
    *(f"$JS.API.CONSUMER.{verb}.{stream}.{name}" for verb, (stream, name) in product(CONSUMER_VERBS, CONSUMERS)),
    *(f"$JS.API.CONSUMER.CREATE.{stream}.mine.{said('referrals')}" for stream in STREAMS),
    *(f"$JS.API.DIRECT.GET.{stream}.{said('referrals')}" for stream in STREAMS),
    "$JS.API.DIRECT.GET.CLOCK.clock.now.v1",
    *OTHER_VERBS,
}
PUBLISHABLE = SPOKEN | INBOXES | ACKS | API
HEARABLE = (
    SPOKEN | INBOXES | {">", "*", "*.>", "$JS.>", "$SYS.>", "_INBOX.>", "sealed.>", "$JS.EVENT.ADVISORY.>", "_R_.>"}
    | {f"query.*.{each}.v1" for each in ("covered-sessions", "people")} | {f"{each}.>" for each in SERVICES}
    | {f"{each}.*.>" for each in ("ingest", "status", "query")} | {"$JS.ACK.>", "$JS.API.>", "$JS.EVENT.ADVISORY.API"}
)  # fmt: skip


def reading(stream: str, consumer: str) -> set[str]:
    """What reads a consumer of another account."""
    return {f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", f"$JS.ACK.{stream}.{consumer}.1.1.1.1.0"}


def serving(stream: str, consumer: str) -> set[str]:
    """What a service may do with its own consumer."""
    return reading(stream, consumer) | {f"$JS.API.CONSUMER.INFO.{stream}.{consumer}"}


def listening(service: str) -> set[str]:
    """What every service may: speak, hear every speaker, know its own stream and the time."""
    heard = set().union(*(serving(speaker.upper(), f"{service}-on-{speaker}-0of1") for speaker in SERVICES))
    time = {
        "$JS.API.STREAM.INFO.CLOCK",
        "$JS.API.DIRECT.GET.CLOCK.clock.now.v1",
        f"$JS.API.DIRECT.GET.CLOCK.{said('referrals')}",
    }
    own = {f"$JS.API.STREAM.INFO.{service.upper()}", f"$JS.API.DIRECT.GET.{service.upper()}"}
    return heard | time | own | {said(service)}


ANSWERING = {
    *(f"status.{each}.referral.v1" for each in ORGANISATIONS),
    *(f"$JS.API.STREAM.INFO.STATUS_{each}" for each in ORGANISATIONS),
}
MAY_PUBLISH = {
    "referrals": listening("referrals")
    | ANSWERING
    | {said("sealed.notifications"), said("sealed.scheduling")}
    | {"$JS.API.STREAM.INFO.SEALED", "$JS.API.DIRECT.GET.SEALED"}.union(
        *(serving(f"IN_{each}", "referrals") for each in ORGANISATIONS)
    ),
    "matching": listening("matching") | ANSWERING | serving("IN_peer-agency", "matching"),
    "scheduling": listening("scheduling")
    | ANSWERING
    | serving("SEALED", "scheduling-on-sealed-0of1")
    | serving("IN_garden-health", "scheduling")
    | serving("IN_peer-agency", "scheduling")
    | {"_R_.x.y"},
    "notifications": listening("notifications") | serving("SEALED", "notifications-on-sealed-0of1"),
    **{
        each: {f"ingest.{each}.referral.v1"} | reading(f"STATUS_{each}", "reader")
        for each in ("general-hospital", "river-clinic")
    },
    "peer-agency": {f"ingest.peer-agency.{each}.v1" for each in ("referral", "supporter", "attendance")}
    | reading("STATUS_peer-agency", "reader"),
    "garden-health": {f"ingest.garden-health.{each}.v1" for each in ("referral", "coverage", "authorization")}
    | {"query.garden-health.covered-sessions.v1"}
    | reading("STATUS_garden-health", "reader"),
    "admin": {each for each in API if each.startswith("$JS.API.")} | {"clock.now.v1"},
}
MAY_HEAR = {
    **{each: {f"_INBOX_{each}.x", "clock.now.v1"} for each in SERVICES},
    **{each: {f"_INBOX_{each}.x"} for each in ORGANISATIONS},
    "admin": {"_INBOX_admin.x", "clock.now.v1", "$JS.EVENT.ADVISORY.>", "$JS.EVENT.ADVISORY.API"},
}
MAY_HEAR["scheduling"] |= {
    *(f"query.{each}.covered-sessions.v1" for each in ORGANISATIONS),
    "query.*.covered-sessions.v1",
}
