"""The words a supporter may choose from, and what partners write instead of them."""

import re
import unicodedata
from collections.abc import Mapping

CHALLENGE_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "mood": ("depression", "bipolar", "perinatal_depression"),
    "anxiety": ("anxiety", "panic", "ocd", "social_anxiety"),
    "trauma": ("ptsd", "domestic_violence", "sexual_violence", "childhood_trauma"),
    "psychosis": ("psychosis", "schizophrenia", "hearing_voices"),
    "substances": ("substance_use", "alcohol", "opioids", "stimulants", "cannabis"),
    "habits": ("gambling", "eating_disorder"),
    "loss": ("grief", "suicide_loss", "perinatal_loss"),
    "despair": ("self_harm", "suicide_attempt"),
    "connection": ("loneliness", "relationships", "caregiving"),
    "body": ("chronic_pain", "chronic_illness", "brain_injury"),
    "neurodivergence": ("adhd", "autism"),
}
NEIGHBOURS = frozenset(
    frozenset(pair)
    for pair in (
        ("mood", "anxiety"), ("mood", "psychosis"), ("mood", "loss"), ("mood", "despair"), ("mood", "connection"),
        ("anxiety", "trauma"), ("trauma", "loss"), ("trauma", "substances"), ("trauma", "despair"),
        ("substances", "habits"), ("loss", "connection"), ("anxiety", "connection"),
    )
)  # fmt: skip
"""Families near enough that one who knows the one understands something of the other."""

MODALITIES = frozenset({"in_person", "video", "audio"})
LEVELS = frozenset({"native", "fluent", "conversational"})

SYNONYMS: Mapping[str, str] = {
    "female": "woman", "f": "woman", "women": "woman", "mujer": "woman", "male": "man", "m": "man", "men": "man",
    "hombre": "man", "non_binary": "nonbinary", "enby": "nonbinary", "x": "nonbinary",
    "inperson": "in_person", "face_to_face": "in_person", "on_site": "in_person", "presencial": "in_person",
    "telehealth": "video", "telemedicine": "video", "video_call": "video", "zoom": "video", "online": "video",
    "phone": "audio", "telephone": "audio", "phone_call": "audio", "call": "audio", "telefono": "audio",
    "mother_tongue": "native", "first": "native", "first_language": "native", "proficient": "fluent",
    "advanced": "fluent", "basic": "conversational", "intermediate": "conversational",
    "depressed": "depression", "bipolar_disorder": "bipolar", "trauma": "ptsd", "post_traumatic_stress": "ptsd",
    "addiction": "substance_use", "drugs": "substance_use", "drinking": "alcohol", "alcohol_use": "alcohol",
    "opioid": "opioids", "opioid_use": "opioids", "voices": "hearing_voices", "bereaved": "bereavement",
    "lonely": "loneliness", "isolation": "loneliness", "eating_disorders": "eating_disorder",
    "military_veteran": "veteran", "vet": "veteran", "mother": "parent", "father": "parent",
    "justice": "justice_involved", "incarceration": "justice_involved", "homeless": "homelessness",
    "hospitalisation": "hospital_stay",
    "hospitalization": "hospital_stay", "12_step": "twelve_step", "twelvestep": "twelve_step", "mat": "medication",
    "employment": "work", "job": "work", "education": "school", "health": "wellness", "social": "connections",
    "lgbt": "lgbtq", "lgbtqia": "lgbtq", "latina": "latino", "latinx": "latino", "hispanic": "latino",
    "african_american": "black", "native_american": "native", "trans": "transgender",
}  # fmt: skip
LANGUAGES: Mapping[str, str] = {
    "english": "en", "eng": "en", "ingles": "en", "spanish": "es", "spa": "es", "espanol": "es", "french": "fr",
    "fra": "fr", "fre": "fr", "german": "de", "deu": "de", "ger": "de", "chinese": "zh", "mandarin": "zh", "zho": "zh",
    "chi": "zh", "vietnamese": "vi", "vie": "vi", "portuguese": "pt", "por": "pt", "russian": "ru", "rus": "ru",
    "arabic": "ar", "ara": "ar", "haitian_creole": "ht", "haitian": "ht", "hat": "ht", "korean": "ko", "kor": "ko",
    "tagalog": "tl", "tgl": "tl", "american_sign_language": "ase", "asl": "ase",
}  # fmt: skip
DAYS: Mapping[str, int] = {
    word: index
    for index, words in enumerate(
        ("mon monday lunes", "tue tues tuesday martes", "wed wednesday miercoles", "thu thur thurs thursday jueves",
         "fri friday viernes", "sat saturday sabado", "sun sunday domingo")
    )
    for word in words.split()
}  # fmt: skip


def plain(words: str) -> str:
    """This will write words as a code: lower case, no accents, underscores between them."""
    bare = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", bare).strip("_")


def understood(words: str, among: frozenset[str]) -> str | None:
    """This will give the code among those known that is meant, or None."""
    code = plain(words)
    if code in among:
        return code
    meant = SYNONYMS.get(code)
    return meant if meant in among else None


def language(words: str) -> str | None:
    """This will give a language as two or three letters: `Spanish`, `es-MX` and `spa` are `es`."""
    code = plain(words)
    first = code.split("_")[0]
    return LANGUAGES.get(code) or LANGUAGES.get(first) or (first if re.fullmatch(r"[a-z]{2,3}", first) else None)


_FAMILY = {each: name for name, members in CHALLENGE_FAMILIES.items() for each in members}


def family(challenge: str) -> str | None:
    """This will name the family of a challenge; `other` has none."""
    return _FAMILY.get(challenge)


def nearness(one: str, other: str) -> float:
    """This will say how near two challenges are: the same 1, one family 0.6, neighbouring families 0.3, else 0."""
    if one == other:
        return 1.0
    families = family(one), family(other)
    if None in families:
        return 0.0
    if families[0] == families[1]:
        return 0.6
    return 0.3 if frozenset(families) in NEIGHBOURS else 0.0
