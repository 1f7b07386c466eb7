"""Brings the referrals service's database to the schema its store declares."""

from services.referrals import store
from shared.migrations import run

run(store.metadata)
