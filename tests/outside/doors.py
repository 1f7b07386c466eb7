"""Every route of the four services and whom it is for, written by hand: none of it is read off the code under test."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from shared.service import Service

Whom = Literal["anybody", "referrer", "staff", "payer", "provider", "link", "way"]
"""`staff` is an agency by its API key; `link` is whoever has the link to a page of their own, of 256 bits; `way` is
whoever has another of 256 bits, which leads to what they were pointed to."""

EVERYWHERE: dict[str, Whom] = {
    **dict.fromkeys(("GET /health", "GET /ready"), "anybody"),
    **dict.fromkeys(("GET /metrics", "GET /asyncapi", "GET /asyncapi.json", "GET /openapi.json"), "anybody"),
    **dict.fromkeys(("HEAD /openapi.json", "GET /docs", "GET /docs/oauth2-redirect"), "anybody"),
    **dict.fromkeys(("GET /quiet", "GET /figures", "GET /programme"), "staff"),
    **dict.fromkeys(("GET /work", "POST /work/{task_id}/done"), "staff"),
    **dict.fromkeys(("GET /letters", "GET /letters/{letter_id}", "POST /letters/{letter_id}/open"), "staff"),
    **dict.fromkeys(("POST /letters/{letter_id}/mend", "POST /letters/{letter_id}/replay"), "staff"),
}
SCOPES = {
    "GET /fhir/ServiceRequest": "ServiceRequest.s",
    "GET /fhir/ServiceRequest/{referral_id}": "ServiceRequest.r",
    "POST /fhir/ServiceRequest": "ServiceRequest.c",
    "POST /fhir/ServiceRequest/_search": "ServiceRequest.s",
    "GET /fhir/Task": "Task.s",
    "GET /fhir/Task/{referral_id}": "Task.r",
    "PUT /fhir/Task/{referral_id}": "Task.u",
    "PATCH /fhir/Task/{referral_id}": "Task.u",
    "POST /fhir/Task": "Task.c",
    "POST /fhir/Task/_search": "Task.s",
    "POST /fhir": "ServiceRequest.c",
    "POST /fhir/": "ServiceRequest.c",
    "POST /fhir/$process-message": "ServiceRequest.c",
    "GET /fhir/Subscription": "Subscription.s",
    "POST /fhir/Subscription": "Subscription.c",
    "GET /fhir/Subscription/{subscription_id}": "Subscription.r",
    "PUT /fhir/Subscription/{subscription_id}": "Subscription.u",
    "DELETE /fhir/Subscription/{subscription_id}": "Subscription.d",
    "GET /fhir/Subscription/$status": "Subscription.r",
    "GET /fhir/Subscription/{subscription_id}/$status": "Subscription.r",
    "GET /referrals/{referral_id}/timeline": "Task.r",
    "GET /follow-up": "Task.s",
    "POST /fhir/{rest:path}": "ServiceRequest.c",
}
"""What a token must be for, where tokens are taken at all."""

REST = "/fhir/{rest:path}"
OWN: dict[str, dict[str, Whom]] = {
    "referrals": {
        **dict.fromkeys(("GET /fhir/metadata", "GET /fhir/.well-known/smart-configuration"), "anybody"),
        **dict.fromkeys(("GET /fhir/SubscriptionTopic/referral-status", "POST /auth/token"), "anybody"),
        **dict.fromkeys(("GET /ask", "POST /ask"), "anybody"),
        **dict.fromkeys(("GET /ask/{link}", "POST /ask/{link}/take-back", "POST /ask/{link}/said"), "link"),
        "GET /ask/to/{way}": "way",
        **dict.fromkeys(("GET /directory", "PUT /directory/{entry_id}", "POST /directory/{entry_id}/end"), "staff"),
        **dict.fromkeys(SCOPES, "referrer"),
        **dict.fromkeys((f"{each} {REST}" for each in ("GET", "POST", "PUT", "PATCH", "DELETE")), "referrer"),
        **dict.fromkeys(("GET /referrals", "GET /referrals/{referral_id}"), "staff"),
        **dict.fromkeys(("GET /people/{person_id}/disclosures", "POST /people/{person_id}/consents"), "staff"),
        **dict.fromkeys(("GET /people/{person_id}/identity", "POST /people/{person_id}/identity"), "staff"),
        **dict.fromkeys(("POST /people/{person_id}/reports", "POST /people/{person_id}/mandated-report"), "staff"),
        **{
            f"POST /referrals/{{referral_id}}/{each}": "staff"
            for each in (
                "screening",
                "acknowledgement",
                "details",
                "contact",
                "consent-revoked",
                "clock",
                "closure",
                "pointers",
            )
        },
    },
    "matching": {
        **dict.fromkeys(("GET /supporters", "GET /supporters/{supporter_id}"), "staff"),
        **dict.fromkeys(("PUT /supporters/{supporter_id}", "PUT /offerings/{offering_id}"), "staff"),
        **dict.fromkeys(("GET /offerings", "GET /offers", "POST /offers/{offer_id}/answer"), "staff"),
        **dict.fromkeys(("GET /waiting", "GET /decisions/{referral_id}"), "staff"),
    },
    "scheduling": {
        **dict.fromkeys(("GET /sessions", "POST /sessions"), "staff"),
        "POST /sessions/{session_id}/seats/{seat_id}/outcome": "staff",
        "POST /series/{series_id}/end": "staff",
        "GET /covered-sessions": "payer",
    },
    "notifications": {
        "POST /inbound/sms": "provider",
        **dict.fromkeys(("GET /messages", "POST /people/{person_id}/opt-in"), "staff"),
    },
}
DOORS: dict[tuple[str, str], Whom] = {
    (service, route): whom for service, own in OWN.items() for route, whom in (EVERYWHERE | own).items()
}


def doors(*whom: Whom) -> list[tuple[str, str]]:
    """The routes that are for these."""
    return [door for door, each in DOORS.items() if each in whom]


def real_routes(service: Service) -> set[str]:
    """The routes of a service as its own table has them, those it documents and those it does not."""
    return set(_routes(service.http.routes))


def _routes(table: Sequence[Any]) -> Iterator[str]:
    for each in table:
        if inside := getattr(each, "original_router", None):
            yield from _routes(inside.routes)
        elif hasattr(each, "methods"):
            yield from (f"{method} {each.path}" for method in each.methods)
