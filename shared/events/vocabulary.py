"""The codes that needs and preferences are told in: what a person may live with, hope for, and ask for."""

CHALLENGES = frozenset(
    {
        "depression", "bipolar", "perinatal_depression", "anxiety", "panic", "ocd", "social_anxiety", "ptsd",
        "domestic_violence", "sexual_violence", "childhood_trauma", "psychosis", "schizophrenia",
        "hearing_voices", "substance_use", "alcohol", "opioids", "stimulants", "cannabis", "gambling",
        "eating_disorder", "grief", "suicide_loss", "perinatal_loss", "self_harm", "suicide_attempt",
        "loneliness", "relationships", "caregiving", "chronic_pain", "chronic_illness", "brain_injury", "adhd",
        "autism", "other",
    }
)  # fmt: skip
LIFE_TAGS = frozenset(
    {
        "veteran", "parent", "justice_involved", "hospital_stay", "hearing_voices", "bereavement", "homelessness",
        "perinatal", "chronic_illness", "caregiver", "student", "retired", "lgbtq", "immigrant", "suicide_loss",
        "perinatal_loss", "first_responder", "foster_care",
    }
)  # fmt: skip
PATHWAYS = frozenset({"twelve_step", "medication", "harm_reduction", "faith", "secular", "natural", "many_paths"})
GOALS = frozenset(
    {
        "housing", "benefits", "work", "school", "parenting", "wellness", "connections", "daily_living", "coping",
        "advocacy", "transport",
    }
)  # fmt: skip
COMMUNITIES = frozenset(
    {
        "lgbtq", "transgender", "black", "latino", "asian", "native", "middle_eastern", "immigrant", "refugee", "deaf",
        "disability", "rural", "military", "christian", "muslim", "jewish", "buddhist", "hindu", "secular",
    }
)  # fmt: skip
GENDERS = frozenset({"woman", "man", "nonbinary"})
