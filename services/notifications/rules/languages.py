"""The words of each language; `$` marks the only places where anything is filled in, and no text holds a link."""

from dataclasses import dataclass

from shared.events.notifications import AnswerKind


@dataclass(frozen=True, kw_only=True)
class Language:
    """One language's words; the wordings of a message go from the fullest to the shortest."""

    code: str
    locale: str
    when: str
    reminder: tuple[str, ...]
    confirmation: tuple[str, ...]
    visit: dict[str, str]
    beside: str
    by_text: str
    by_mail: str
    subject: str
    answers: dict[AnswerKind, str]


ENGLISH = Language(
    code="en",
    locale="en_US",
    when="EEE MMM d, h:mm a",
    reminder=("$site reminder: you have a $visit $when$beside.", "Reminder: you have a $visit $when$beside."),
    confirmation=("$site: your first $visit is $when$beside.", "Your first $visit is $when$beside."),
    visit={"in_person": "visit", "video": "video visit", "audio": "phone visit"},
    beside=" with $name",
    by_text="1=Coming 2=New time 3=Can't come. Help: $phone. STOP to end texts.",
    by_mail="To change it, for help, or to STOP these mails, call $phone.",
    subject="Your next visit",
    answers={
        "stop_confirmed": "You will get no more texts from us. Help: $phone. START to get texts again.",
        "start_confirmed": "You will get texts from us again. Help: $phone. STOP to end texts.",
        "help": "$site: we text you about your visits. To talk to a person call $phone. STOP to end texts.",
    },
)

SPANISH = Language(
    code="es",
    locale="es_US",
    when="EEE d MMM, h:mm a",
    reminder=("$site: tiene una $visit el $when$beside.", "Tiene una $visit el $when$beside."),
    confirmation=("$site: su primera $visit es el $when$beside.", "Su primera $visit es el $when$beside."),
    visit={"in_person": "visita", "video": "visita por video", "audio": "visita por tel."},
    beside=" con $name",
    by_text="1=Voy 2=Otra hora 3=No puedo ir. Ayuda: $phone. STOP para no recibir textos.",
    by_mail="Para cambiarla, pedir ayuda o STOP a estos correos, llame al $phone.",
    subject="Su visita",
    answers={
        "stop_confirmed": "No le enviaremos textos. Ayuda: $phone. Responda START para recibirlos otra vez.",
        "start_confirmed": "Le enviaremos textos otra vez. Ayuda: $phone. STOP para no recibir textos.",
        "help": "$site: le escribimos sobre sus visitas. Para hablar con alguien: $phone. STOP para no recibir textos.",
    },
)

LANGUAGES = {each.code: each for each in (ENGLISH, SPANISH)}


def language_of(tag: str) -> Language:
    """This will give the words for a language tag such as `es` or `es-MX`; English where there are none."""
    return LANGUAGES.get(tag.lower().replace("_", "-").split("-")[0], ENGLISH)
