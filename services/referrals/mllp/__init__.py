"""MLLP: where hospitals' interface engines send HL7 v2, and are answered on the same line."""

from services.referrals.mllp.server import Line, listening
from services.referrals.mllp.taking import Taking

__all__ = ["Line", "Taking", "listening"]
