"""The HTTP edge: FHIR for referrers at /fhir, the form at /ask, and the programme's own people at
/referrals and /people."""

from services.referrals.http.asking import asking_routes
from services.referrals.http.consenting import consent_routes
from services.referrals.http.fhir import fhir_routes
from services.referrals.http.follow_up import follow_up_routes
from services.referrals.http.people import people_routes
from services.referrals.http.smart import smart_routes

__all__ = ["asking_routes", "consent_routes", "fhir_routes", "follow_up_routes", "people_routes", "smart_routes"]
