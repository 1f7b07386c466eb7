"""Four independent services: each owns its store, and they meet only in the facts of `shared.events`."""
