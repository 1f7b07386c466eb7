"""FHIR Coverage and Consent as an insurance and as what the person agreed to."""

from services.referrals.fhir.codes import EXTENSION, PART2_LABELS
from services.referrals.fhir.resources import Consent, Coverage
from services.referrals.fhir.words import Concept, Reference, begin_of, end_of, first_day, instant_of, last_day
from services.referrals.rules import order as ours

PURPOSES: dict[str, ours.Purpose] = {
    "TREAT": "treatment",
    "HPAYMT": "payment",
    "HOPERAT": "operations",
    "CAREMGT": "treatment",
}
SCOPES = {"patient-privacy", "treatment"}
ACTIONS = {"access", "use", "disclose"}
KINDS = {"Task", "ServiceRequest"}
"""Of which consents, for which actions and on which resources, somebody may be told what became of a referral."""
CLASSES = ("referrer", "payer", "supporter", "treating_providers")
EVERYTHING: tuple[ours.Purpose, ...] = ("treatment", "payment", "operations")


def cover(coverage: Coverage) -> ours.Cover | None:
    """This will give the insurance, or None where it has no member number or is not in force."""
    member = _member(coverage)
    if not member or coverage.status in ("cancelled", "entered-in-error"):
        return None
    said = {each.url.removeprefix(EXTENSION): each for each in coverage.extension}
    authorisation, units = said.get("authorisation"), said.get("authorised-units")
    return ours.Cover(
        payer=_name(coverage.payor[0]) if coverage.payor else None,
        plan=next((each.value for each in coverage.classes if "plan" in each.type.codes() and each.value), None),
        member_id=member,
        covered_from=first_day(coverage.period.start),
        covered_to=last_day(coverage.period.end),
        authorisation=authorisation.word() if authorisation else None,
        authorised_units=units.value_integer if units else None,
    )


def _member(coverage: Coverage) -> str | None:
    numbered = [each for each in coverage.identifier if each.value]
    for each in numbered:
        if each.type and "MB" in each.type.codes():
            return each.value
    return coverage.subscriber_id or next((each.value for each in numbered), None)


def _name(payor: Reference) -> str | None:
    by_number = payor.identifier.value if payor.identifier else None
    return by_number or payor.display or (payor.reference or "").rsplit("/", 1)[-1][:200].strip() or None


def refuses_disclosure(consent: Consent) -> bool:
    """This will say whether a consent about privacy says no: then nobody is told on anybody else's word either."""
    return _says_no(consent) and _is_of_privacy(consent) and "treatment" not in consent.scope.codes()


def refuses_peer_support(consent: Consent) -> bool:
    """This will say whether a consent about treatment says no."""
    return _says_no(consent) and "treatment" in consent.scope.codes()


def _says_no(consent: Consent) -> bool:
    return consent.status == "rejected" or (consent.status == "active" and consent.provision.type == "deny")


def agreed(consent: Consent) -> ours.Agreed | None:
    """This will give what may be told to whom; None where the consent is not in force, forbids, or is about else.

    Without purposes it is for treatment; without named recipients it is for the usual classes (42 CFR 2.31). What it
    allows with exceptions, or for other things than what became of a referral, it does not allow.
    """
    if consent.status != "active" or consent.provision.type == "deny" or not _lets_tell(consent):
        return None
    purposes = [PURPOSES[each.code] for each in consent.provision.purpose if each.code in PURPOSES]
    if consent.provision.purpose and not purposes:
        return None
    named = [each for actor in consent.provision.actor if (each := _name(actor.reference))]
    return ours.Agreed(
        recipients=named or list(CLASSES),
        purposes=list(dict.fromkeys(purposes)) or list(EVERYTHING if _is_tpo(consent) else EVERYTHING[:1]),
        part2=covers_part2(consent),
        signed_at=instant_of(consent.date_time),
        begins_at=begin_of(consent.provision.period.start),
        expires_at=end_of(consent.provision.period.end),
        scope="; ".join(_words(consent.category))[:500],
    )


def _is_of_privacy(consent: Consent) -> bool:
    named = set(consent.scope.codes())
    return not named or bool(named & SCOPES)


def _lets_tell(consent: Consent) -> bool:
    told = consent.provision
    verified = not consent.verification or any(each.verified for each in consent.verification)
    actions = {code for each in told.action for code in each.codes()}
    kinds = {(each.code or "").rpartition("/")[2] for each in told.classes}
    if consent.modifier_extension or not verified or not _is_of_privacy(consent):
        return False
    if (actions and not actions & ACTIONS) or (kinds and not kinds & KINDS):
        return False
    return not any(each.type == "deny" for each in told.provision)


def covers_part2(consent: Consent) -> bool:
    """This will say whether a consent names records under 42 CFR Part 2."""
    labels = {each.code for each in (*consent.provision.security_label, *consent.meta.security)}
    told = " ".join(
        [*(each.uri or "" for each in consent.policy), *_words([consent.policy_rule, *consent.category])]
    ).lower()
    return bool(labels & PART2_LABELS) or "42cfr" in told.replace(" ", "") or "part 2" in told


def _is_tpo(consent: Consent) -> bool:
    return not consent.provision.actor and covers_part2(consent)


def _words(concepts: list[Concept]) -> list[str]:
    return [each for concept in concepts for each in (*concept.words(), *concept.codes())]
