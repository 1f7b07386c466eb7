"""What the FHIR edge can do, as it says itself."""

from datetime import datetime
from typing import Any

from services.referrals.fhir.answers import instant
from services.referrals.fhir.searching import INCLUDES, documented
from services.referrals.fhir.subscriptions import BACKPORT, PROFILE, TOPIC, TOPIC_ID

SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
STATUS = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status"


def statement(at: datetime, *, token: str) -> dict[str, Any]:
    """This will give the CapabilityStatement; `token` is the address of the token endpoint."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant(at),
        "kind": "instance",
        "software": {"name": "Alongside referrals"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/json"],
        "patchFormat": ["application/json-patch+json", "application/merge-patch+json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    # How clients found the endpoint before there was `smart-configuration`, and some still do.
                    "extension": [{"url": OAUTH, "extension": [{"url": "token", "valueUri": token}]}],
                    "service": [{"coding": [{"system": SERVICES, "code": "SMART-on-FHIR"}]}],
                    "description": "Authorization: Bearer, and your API key or an access token",
                },
                "resource": [_request(), _task(), _subscription()],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
                "operation": [
                    {
                        "name": "process-message",
                        "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
                    }
                ],
            }
        ],
    }


def _request() -> dict[str, Any]:
    return {
        "type": "ServiceRequest",
        "interaction": [{"code": "create"}, {"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "conditionalCreate": True,
        "searchParam": documented("ServiceRequest"),
        "documentation": "Patient, Coverage, Consent contained, or in a transaction Bundle.",
    }


def _task() -> dict[str, Any]:
    return {
        "type": "Task",
        "interaction": [{"code": each} for each in ("create", "read", "update", "patch", "search-type")],
        "versioning": "no-version",
        "conditionalCreate": True,
        "searchInclude": list(INCLUDES[:1]),
        "searchParam": documented("Task"),
        "documentation": "What became of a referral: same id as its ServiceRequest. Referrers may cancel it.",
    }


def _subscription() -> dict[str, Any]:
    return {
        "extension": [{"url": BACKPORT + "capabilitystatement-subscriptiontopic-canonical", "valueCanonical": TOPIC}],
        "type": "Subscription",
        "supportedProfile": [PROFILE],
        "interaction": [{"code": each} for each in ("create", "read", "update", "delete", "search-type")],
        "versioning": "no-version",
        "searchParam": [
            {"name": "_id", "type": "token"},
            {"name": "status", "type": "token"},
            {"name": "url", "type": "uri"},
        ],
        "operation": [{"name": "status", "definition": STATUS}],
        "documentation": "rest-hook with empty or id-only content; the topic is read at SubscriptionTopic/" + TOPIC_ID,
    }
