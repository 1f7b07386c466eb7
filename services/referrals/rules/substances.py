"""Words that tell of substance use, in English and Spanish, as clinics and people themselves write them.

One list. A `*` stands for the rest of a word; everything else is whole words, without case, accents and punctuation.
Sources to hold it against: 42 CFR 2.11 (what a substance use disorder is; tobacco and caffeine are none), the titles of
ICD-10-CM F10 to F19, NIDA's Commonly Used Drugs Charts, SAMHSA's medications for substance use disorders, and
MedlinePlus en español. What people say of themselves is our own, for somebody of the field to add to.

Left out, for they mostly mean something else: most medicines given for pain, fear and sleep, ketamine, and "recovery",
"rehabilitation", "withdrawn", "speed", "molly", "spice", "weed" alone, "PCP" (the primary care physician), "NA" (none).
"""

DRINKS = ("drink", "drinks", "drank")
MUCH = (
    "heavily", "hard", "too much", "a lot", "daily", "every day", "every night", "alone", "to cope", "to sleep",
    "to forget", "to get through", "again", "himself", "herself", "a bottle", "a pint", "a fifth", "a six pack",
)  # fmt: skip
BEBE = ("bebe", "bebo", "bebia", "beber", "bebiendo", "toma", "tomando")
MUCHO = ("mucho", "demasiado", "en exceso", "a diario", "todos los dias", "todas las noches", "para dormir", "otra vez")

ENGLISH = (
    # In general.
    "substance", "substances", "drug", "drugs", "drugged", "addict*", "sud", "aud", "oud", "chemical dependen*",
    "chemically dependent", "co occurring", "dual diagnosis", "dually diagnosed", "intoxicat*", "overdos*", "od d",
    "relaps*", "sober", "sobered", "sobriety", "abstinen*", "detox*", "rehab", "rehabs", "in withdrawal",
    "withdrawal symptoms",
    "harm reduction", "needle exchange", "syringe service*", "syringe exchange", "shooting up", "shoots up", "shot up",
    "iv use", "iv drug*", "getting high", "gets high", "get high", "got high", "using again", "back to using",
    "stopped using", "stop using", "active use", "days clean", "weeks clean", "months clean", "years clean",
    "year clean", "clean and", "pain pills", "pill abuse", "pill habit", "abus* pills", "misus* medic*",
    "misus* prescri*", "polysubstance*",
    # Alcohol.
    "alcohol*", "drinking", "drinker*", "drunk*", "booz*", "liquor", "vodka", "whiskey", "whisky", "tequila", "beer",
    "beers", "dui", "dwi", "delirium tremens", "drink problem", "problem with drink", "problems with drink",
    *(f"{verb} {much}" for verb in DRINKS for much in MUCH),
    # Opioids.
    "opioid*", "opiate*", "heroin", "fentanyl", "oxycontin", "oxycodone", "percocet*", "vicodin", "hydrocodone",
    "narcotic*", "xylazine", "tranq", "kratom",
    # Stimulants and others.
    "stimulant*", "cocaine", "crack", "coke habit", "meth", "crystal meth", "methamphetamine*", "amphetamine*", "mdma",
    "ecstasy", "lsd", "ghb", "hallucinogen*", "inhalant*", "huffing", "benzo abuse", "abus* benzo*",
    # Cannabis.
    "cannabi*", "marijuana", "hashish", "thc", "smok* weed", "smok* pot", "smok* dope", "weed daily", "weed habit",
    # How it is treated, and who helps.
    "methadone", "suboxone", "subutex", "sublocade", "brixadi", "zubsolv", "buprenorphine", "bup nx", "naltrexone",
    "vivitrol", "naloxone", "narcan", "disulfiram", "antabuse", "acamprosate", "campral", "lofexidine", "moud",
    "medication assisted treatment", "opioid treatment program*", "twelve step*", "twelvestep", "12 step*", "12step*",
    "aa meeting*", "aa sponsor", "na meeting*", "na sponsor", "al anon", "alanon", "alateen", "nar anon",
    "smart recovery", "celebrate recovery", "recovery house", "recovery home", "recovery housing",
)  # fmt: skip
SPANISH = (
    # In general.
    "sustancia", "sustancias", "droga*", "adict*", "adicc*", "toxicoman*", "estupefaciente*", "intoxicad*",
    "intoxicacion", "sobredosis", "recaida*", "recayo", "recaer", "sobrio*", "sobria*", "sobriedad", "desintoxica*",
    "dependencia quimica", "diagnostico dual", "patologia dual", "reduccion de danos", "centro de rehabilitacion",
    "intercambio de jeringas", "limpio de", "limpia de",
    # Alcohol.
    "borrach*", "emborrach*", "ebrio", "ebria", "embriag*", "bebedor*", "licor", "cerveza", "cervezas", "aguardiente",
    *(f"{verb} {much}" for verb in BEBE for much in MUCHO),
    # Opioids, stimulants and others.
    "opiace*", "opioide*", "heroina", "fentanilo", "oxicodona", "narcotico*", "cocaina", "cocainoman*", "perico",
    "metanfetamina*", "anfetamina*", "estimulante*", "extasis", "alucinogen*", "inhalantes",
    # Cannabis.
    "marihuana*", "mariguana*", "porro", "porros", "hachis", "cannabico*",
    # How it is treated, and who helps.
    "metadona", "buprenorfina", "naltrexona", "naloxona", "disulfiram", "acamprosato", "alcoholicos anonimos",
    "narcoticos anonimos", "doce pasos", "12 pasos", "grupo de aa",
)  # fmt: skip
WORDS = (*ENGLISH, *SPANISH)
CAPITALS = ("AA", "A.A", "MAT")
"""What tells of use only as a word in capitals."""

PATHWAYS = frozenset({"twelve_step", "medication", "harm_reduction"})
"""The pathways to recovery that people walk with substance use; the others (`faith`, `secular` ...) leave it open."""
