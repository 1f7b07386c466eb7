"""The HTTP edge: FHIR for referrers at /fhir, the form at /ask, and the programme's own people at
/referrals, /people and /directory."""

from services.referrals.http.asking import asking_routes
from services.referrals.http.consenting import consent_routes
from services.referrals.http.directory import directory_routes
from services.referrals.http.fhir import fhir_routes
from services.referrals.http.follow_up import follow_up_routes
from services.referrals.http.identity import identity_routes
from services.referrals.http.people import people_routes
from services.referrals.http.reporting import router as reporting
from services.referrals.http.smart import smart_routes
from services.referrals.http.ways import ways_routes

__all__ = [
    "asking_routes",
    "consent_routes",
    "directory_routes",
    "fhir_routes",
    "follow_up_routes",
    "identity_routes",
    "people_routes",
    "reporting",
    "smart_routes",
    "ways_routes",
]
