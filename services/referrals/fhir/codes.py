"""The codes partners use, and our own words for them; a code we do not know is `other`, never a refusal."""

import re

from services.referrals.fhir.words import Coding, Concept
from services.referrals.rules.phrases import plain

BASE = "https://alongside.example/fhir/"
EXTENSION = BASE + "StructureDefinition/"
RISK_SYSTEM = BASE + "CodeSystem/risk"
SENDER = BASE + "CodeSystem/organisation"
TASK_STATUS = BASE + "CodeSystem/referral-state"
REASON = BASE + "CodeSystem/referral-reason"
SNOMED = "http://snomed.info/sct"
PEER_SUPPORT = {"system": SNOMED, "code": "461481000124109", "display": "Referral to peer support (procedure)"}

PEER_CODES = {
    "461481000124109", "711281004", "306226009", "306227000", "175T00000X", "H0038", "G0140", "G0146", "H0025",
}  # fmt: skip
"""Codes of a request that peer support answers: support itself, support groups, counselling."""
ANY_REFERRAL = {"3457005", "57133-1"}
"""Codes that say only "a referral": they are for us where the category or a reason says so."""
PEER_WORDS = re.compile(r"\b(peer|mentor\w*|support group|apoyo|companero\w*)\b")
SOCIAL_CATEGORIES = {"social-connection"}

PART2_LABELS = {"42CFRPart2", "SUD", "ETH", "SUDUD", "OPIOIDUD", "ETHUD"}

ICD10_FAMILIES: tuple[tuple[str, str], ...] = (
    ("F431", "ptsd"), ("F4381", "grief"), ("F432", "other"), ("Z634", "grief"), ("F30", "bipolar"), ("F31", "bipolar"),
    ("F32", "depression"), ("F33", "depression"), ("F341", "depression"), ("F53", "depression"), ("F40", "anxiety"),
    ("F41", "anxiety"), ("F20", "psychosis"), ("F22", "psychosis"), ("F23", "psychosis"), ("F25", "psychosis"),
    ("F28", "psychosis"), ("F29", "psychosis"), ("F10", "alcohol"), ("F1", "substance_use"), ("Z602", "loneliness"),
    ("Z604", "loneliness"),
)  # fmt: skip
SNOMED_CODES: dict[str, str] = {
    "35489007": "depression", "370143000": "depression", "310495003": "depression", "310496002": "depression",
    "310497006": "depression", "78667006": "depression", "48694002": "anxiety", "197480006": "anxiety",
    "21897009": "anxiety", "371631005": "anxiety", "225624000": "anxiety", "13746004": "bipolar", "47505003": "ptsd",
    "69322001": "psychosis", "58214004": "psychosis", "66214007": "substance_use", "371422002": "substance_use",
    "75544000": "substance_use", "5602001": "substance_use", "7200002": "alcohol", "15167005": "alcohol",
    "723914003": "grief", "267076002": "loneliness", "422650009": "loneliness",
}  # fmt: skip
CHALLENGE_WORDS: tuple[tuple[str, str], ...] = (
    (r"bipolar", "bipolar"), (r"ptsd|post ?traumatic|trauma\w*|estres postraumatico", "ptsd"),
    (r"psychosis|psychotic|schizo\w*|hear\w* voices|psicosis|esquizo\w*", "psychosis"),
    (r"depress\w*|depresi\w*", "depression"),
    (r"anxi\w*|panic|ansiedad|panico", "anxiety"), (r"alcohol\w*|drinking", "alcohol"),
    (r"substance\w*|opioid\w*|heroin|cocaine|drug (use|abuse)|addict\w*|adiccion\w*|drogas", "substance_use"),
    (r"grie\w*|bereave\w*|duelo|widow\w*", "grief"), (r"lonel\w*|isolat\w*|soledad", "loneliness"),
)  # fmt: skip
_WORDS = tuple((re.compile(rf"\b(?:{pattern})\b"), ours) for pattern, ours in CHALLENGE_WORDS)

DANGER_SNOMED = {"6471006", "82313006", "225457007", "425104003", "267073005", "401206008"}
"""Suicidal thoughts, attempted suicide, planning, ideation, at risk, and self-harm at risk: they may only raise."""
DANGER_ICD10 = ("R45851", "R45850", "R4588", "T1491", "X7", "X80", "X81", "X82", "X83", "T740", "T741", "T742", "T743")
SELF_POISONED = re.compile(r"T(3[6-9]|4\d|5\d|6[0-5]|71)..2")
"""Poisoning, and suffocation, that somebody did to themselves: their sixth character says so."""

LANGUAGES = {
    "eng": "en", "spa": "es", "fra": "fr", "fre": "fr", "deu": "de", "ger": "de", "zho": "zh", "chi": "zh", "vie": "vi",
    "por": "pt", "rus": "ru", "ara": "ar", "hat": "ht", "kor": "ko", "tgl": "tl",
}  # fmt: skip


def challenges_of(concept: Concept) -> tuple[str, ...]:
    """This will give our words for what somebody lives with: all that is coded, then all that is written, else `other`.

    All of it, for what is told of substance use protects the person's records wherever it stands.
    """
    coded = [found for coding in concept.coding if (found := _by_code(coding))]
    texts = [plain(words) for words in concept.words()]
    written = [ours for pattern, ours in _WORDS if any(pattern.search(each) for each in texts)]
    known = tuple(dict.fromkeys([*coded, *written]))
    return known or (("other",) if concept.coding or concept.text else ())


def _by_code(coding: Coding) -> str | None:
    code = (coding.code or "").upper().replace(".", "")
    if code in SNOMED_CODES:
        return SNOMED_CODES[code]
    return next((ours for family, ours in ICD10_FAMILIES if code.startswith(family) and not code.isdigit()), None)


def is_danger(concept: Concept) -> bool:
    """This will say whether a reason's code is itself a sign of danger."""
    return any(map(is_danger_code, concept.codes()))


def is_danger_code(written: str) -> bool:
    """This will say whether a code of SNOMED CT or ICD-10-CM is a sign of danger."""
    code = written.upper().replace(".", "")
    return code in DANGER_SNOMED or code.startswith(DANGER_ICD10) or bool(SELF_POISONED.match(code))


def is_peer_support(code: Concept | None, categories: list[Concept], challenges: list[str]) -> bool:
    """This will say whether a request is one that peer support answers, given what the person lives with."""
    social = any(SOCIAL_CATEGORIES & set(each.codes()) for each in categories)
    if not code or not (code.coding or code.text):
        return social
    if PEER_CODES & set(code.codes()) or any(PEER_WORDS.search(plain(each)) for each in code.words()):
        return True
    return bool(ANY_REFERRAL & set(code.codes())) and (social or any(each != "other" for each in challenges))


def language(written: str) -> str | None:
    """This will give a language as two or three letters: `en-US` and `eng` are `en`."""
    first = re.split(r"[-_]", written.strip().lower())[0]
    return LANGUAGES.get(first, first) if re.fullmatch(r"[a-z]{2,3}", first) else None
