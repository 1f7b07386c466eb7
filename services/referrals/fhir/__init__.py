"""Partners' FHIR R4 words and ours, both ways: the only room of this service that knows FHIR."""
