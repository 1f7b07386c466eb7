"""This service's schema, version by version."""
