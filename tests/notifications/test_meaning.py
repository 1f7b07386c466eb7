"""What an answer means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.rules.replies import read

STOP_WORDS = [
    "STOP", "stop", "Stop.", "¡STOP!",
    "STOP!!!", "  stop  ", "S\u200dTOP", "(Stop)", "STOPALL", "STOP ALL", "QUIT", "END", "REVOKE",
    "OPT OUT", "OPT-OUT", "OPTOUT", "Unsubscribe", "REMOVE", "ARRET", "Arrêt", "TD", "Stop please", "please STOP",
    "ALTO", "Parar", "Pare", "Basta", "BAJA", "Detener", "Fin", "Salir",
]  # fmt: skip
STOP_WORDINGS = [
    "please stop texting me", "Stop sending me messages", "stop these texts", "don't text me", "Do not text me anymore",
    "dont message me again", "never contact me again", "no more texts", "No more messages please", "quit texting me",
    "Please unsubscribe me", "take me off your list", "remove me from this list", "remove my number", "lose my number",
    "I don't want these texts", "I do not want any more messages", "i dont want to get texts", "opt me out",
    "I revoke my consent", "I want to opt out", "leave me alone", "I no longer want your messages", "delete my number",
    "stop bothering me", "stop contacting me", "please stop the reminders", "I don't want reminders", "stop it",
    "no more reminders", "no me escriban más", "no me manden mensajes", "ya no me escriban", "No quiero mensajes",
    "no quiero recibir más mensajes", "No quiero más textos", "dejen de escribirme", "deje de mandarme mensajes",
    "por favor dejen de enviarme textos", "basta de mensajes", "no más mensajes", "quítenme de la lista", "ya no",
    "quiero darme de baja", "denme de baja", "borren mi número", "no me contacten", "déjenme en paz",
    "no quiero que me escriban", "no deseo recibir recordatorios", "quiero dejar de recibir esto", "No me molesten",
]  # fmt: skip
NOT_STOP = [
    "I will stop by at 3", "can we stop at the end of the hour?", "the bus stop is far", "see you at the end",
    "What time does it end?", "ok thanks", "No", "Yes", "cancel my dentist, coming to yours", "don't text me at work",
    "para que hora es?", "no puedo el martes", "gracias", "👍", "", "مرحبا", "can you help me with the address",
]  # fmt: skip
DANGER = [
    "I want to die", "i wanna die", "I'm going to kill myself", "thinking about suicide", "I feel suicidal", "kms",
    "I took all my pills", "I want to hurt myself", "I can't go on", "better off dead", "I overdosed", "he hits me",
    "I'm not safe at home", "I don't want to live", "no reason to live", "end it all", "going to hurt him",
    "I will kill her", "call 911", "quiero morir", "Me quiero matar", "No quiero vivir", "quitarme la vida",
    "pienso en el suicidio", "voy a hacerme daño", "tomé una sobredosis", "mi esposo me pega", "no puedo más",
    "no estoy a salvo", "quiero acabar con mi vida", "STOP. I want to die",
]  # fmt: skip
NO_DANGER = [
    "1",
    "coming",
    "see you Tuesday",
    "my car died, new time please",
    "STOP",
    "gracias",
    "ok",
    "I live near by",
]


@pytest.mark.parametrize("text", STOP_WORDS)
def test_every_opt_out_word_stops(text: str) -> None:
    assert read(text).meaning == "stop"


@pytest.mark.parametrize("text", STOP_WORDINGS)
def test_any_reasonable_wording_stops(text: str) -> None:
    assert read(text).meaning == "stop"


@pytest.mark.parametrize("text", NOT_STOP)
def test_does_not_take_other_talk_for_a_stop(text: str) -> None:
    assert read(text).meaning not in ("stop", "cancel")


@pytest.mark.parametrize("text", ["CANCEL", "cancel please", "Cancel.", "cancelar", "CANCELA"])
def test_tells_cancel_from_stop(text: str) -> None:
    assert read(text).meaning == "cancel"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1", "coming"),
        (" 1. ", "coming"),
        ("1=Coming", "coming"),
        ("1 yes", "coming"),
        ("1 thanks!", "coming"),
        ("\uff11", "coming"),
        ("1\ufe0f\u20e3", "coming"),
        ("2", "new_time"),
        ("2 new time please", "new_time"),
        ("2 otra hora", "new_time"),
        ("3", "cannot_come"),
        ("3 can't come", "cannot_come"),
        ("3 no puedo ir", "cannot_come"),
        ("START", "start"),
        ("unstop", "start"),
        ("HELP", "help"),
        ("info", "help"),
        ("Ayuda", "help"),
    ],
)
def test_digits_and_keywords_act(text: str, meaning: str) -> None:
    assert read(text).meaning == meaning


@pytest.mark.parametrize("text", ["1 can't come", "3 coming", "1 2", "12", "4", "11", "1st", "YES", "3pm?", "2 people"])
def test_a_person_reads_what_might_say_the_opposite(text: str) -> None:
    assert read(text).meaning == "other"


@pytest.mark.parametrize("text", DANGER)
def test_danger_is_raised_in_both_languages(text: str) -> None:
    assert read(text).danger


@pytest.mark.parametrize("text", NO_DANGER)
def test_danger_is_not_seen_in_everything(text: str) -> None:
    assert not read(text).danger


def test_danger_is_found_at_the_end_of_a_very_long_text() -> None:
    assert read("and then " * 1200 + "I want to die").danger


@given(st.text(max_size=300))
def test_any_text_at_all_has_a_meaning(text: str) -> None:
    assert read(text).meaning
