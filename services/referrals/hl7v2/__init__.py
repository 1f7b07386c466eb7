"""HL7 v2: what hospitals' interface engines send, read as the FHIR it means, and answered in its own words."""
