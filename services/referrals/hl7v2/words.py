"""HL7 v2 data types as FHIR's: what cannot be read is left out, for a person to ask about, and never refused."""

import re
from datetime import date, datetime
from typing import Any

from services.referrals.hl7v2.message import Value
from services.referrals.rules.phrases import plain

SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "I10": "http://hl7.org/fhir/sid/icd-10-cm",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10-cm",
    "HCPCS": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "HCPT": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
}
"""HL7 table 0396, as far as we know codes of it."""

MOMENT = re.compile(r"(\d{4})-?(\d\d)?-?(\d\d)?(?:[T ]?(\d\d):?(\d\d):?(\d\d)?(?:\.\d+)?)?\s*([+-]\d{4}|Z)?")
NAME_USES = {"L": "official", "C": "official", "D": "usual", "N": "nickname", "S": "anonymous"}
GENDERS = {"F": "female", "M": "male", "O": "other", "A": "other", "U": "unknown", "X": "other"}
NOT_CALLED = {"FX", "MD", "BP", "SAT", "TDD"}
LANGUAGES = {"english": "en", "spanish": "es", "espanol": "es", "french": "fr", "chinese": "zh", "vietnamese": "vi"}
SHORT = 200


def day(written: str) -> str | None:
    """This will give a FHIR date, as far as it is known: `19610615` is 1961-06-15; None where there is no such day."""
    found = MOMENT.match(written)
    if not found:
        return None
    year, month, day_ = found[1], found[2], found[3]
    try:
        date(int(year), int(month or 1), int(day_ or 1))
    except ValueError:
        return None
    return "-".join(each for each in (year, month, day_) if each)


def moment(written: str) -> str | None:
    """This will give a FHIR instant where a zone offset is given, and the day where it is not."""
    found = MOMENT.fullmatch(written)
    known = day(written)
    if not found or not known or not found[4] or not found[7] or len(known) != len("2026-01-01"):
        return known
    offset = "Z" if found[7] == "Z" else f"{found[7][:3]}:{found[7][3:]}"
    told = f"{known}T{found[4]}:{found[5]}:{found[6] or '00'}{offset}"
    try:
        datetime.fromisoformat(told)
    except ValueError:
        return known
    return told


def is_day(written: str) -> bool:
    """This will say whether something is written as a whole day of our time, or a minute or second of it."""
    return bool(re.fullmatch(r"(19|20)\d{6}(([01]\d|2[0-3])[0-5]\d([0-5]\d)?)?", written)) and day(written) is not None


def concept(coded: Value) -> dict[str, Any]:
    """This will give a CodeableConcept for CE, CWE or CNE: both its codes, and what is written for people."""
    codings = [
        {"system": SYSTEMS.get(system.upper(), system) or None, "code": code or None, "display": words or None}
        for code, words, system in (
            (coded.text(1), coded.text(2), coded.text(3)),
            (coded.text(4), coded.text(5), coded.text(6)),
        )
        if code or words
    ]
    return {"coding": codings, "text": coded.text(9) or None}


def identifier(numbered: Value, *, authority: int = 2) -> dict[str, Any] | None:
    """This will give an Identifier for EI or CX, whose assigning authority is the component `authority` or spread.

    Of EI, `namespace` is what the authority is called besides its OID or address; no FHIR has that.
    """
    value = numbered.text(1)
    if not value:
        return None
    if authority != 2 and numbered.text(5).upper() in ("MB", "SN"):
        # An insurance's: a family shares it.
        return None
    if authority != 2:
        return {"system": _authority(*(numbered.text(authority, each) for each in (1, 2, 3))), "value": value}
    system, namespace = _authority(numbered.text(2), numbered.text(3), numbered.text(4)), numbered.text(2)
    return {"system": system, "value": value, "namespace": namespace if system != namespace else ""}


def _authority(namespace: str, universal: str, kind: str) -> str:
    if universal and kind.upper() == "ISO":
        return f"urn:oid:{universal}"
    return universal if universal and kind.upper() in ("URI", "URL") else namespace or universal


def name(written: Value) -> dict[str, Any]:
    """This will give a HumanName for XPN."""
    given = [each[:SHORT] for each in (written.text(2), written.text(3)) if each]
    return {"use": NAME_USES.get(written.text(7).upper()), "family": written.text(1)[:SHORT] or None, "given": given}


def contact(written: Value, *, at_work: bool = False) -> dict[str, Any] | None:
    """This will give a ContactPoint for XTN: a cell phone is texted, any other is called."""
    use, equipment = written.text(2).upper(), written.text(3).upper()
    address = next((each for each in (written.text(4), written.text(1)) if "@" in each), "")
    if address:
        return {"system": "email", "value": address[:SHORT]}
    number = _number(written)
    if not number or equipment in NOT_CALLED or use == "NET":
        return None
    cell = equipment == "CP" or use == "PRS"
    called = {"system": "sms"} if cell else {"system": "phone"}
    return {**called, "value": number, "use": "mobile" if cell else "work" if at_work or use == "WPN" else "home"}


def _number(written: Value) -> str:
    country, area, local = (written.text(each) for each in (5, 6, 7))
    pieces = f"{area}{local}" if local else ""
    if pieces and country:
        pieces = f"+{country.lstrip('+')}{pieces}"
    return (pieces or written.text(12) or written.text(1))[:SHORT]


def language(coded: Value) -> str | None:
    """This will give a language's code, also where its name is written."""
    code, words = coded.text(1), plain(coded.text(2) or coded.text(1)).strip()
    return code if re.fullmatch(r"[A-Za-z]{2,3}([-_].*)?", code) else LANGUAGES.get(words)
