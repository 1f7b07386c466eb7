"""The phrases an answer is searched for, as `bare` words: no accents, no apostrophes; English, then Spanish."""

import re


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{each})\b" for each in phrases))


_MESSAGES = r"(?:text|texts|texting|messag\w*|reminders?|sms)"
_TEXTOS = r"(?:mensajes?|textos?|recordatorios?|sms)"
_ESCRIBIR = r"(?:escrib|mand|envi|contact|molest|text)\w+"

NO_MORE = _any(
    rf"(?:stop|quit|cease|halt)(?: \w+)? (?:{_MESSAGES}|contacting|writing|sending|bothering|reminding)",
    r"(?:do not|dont|never)(?: ever)? (?:text|message|contact|write|bother|remind) (?:me|us|this|here)"
    r"(?! (?:at|on|before|after|until|during))",
    rf"no more {_MESSAGES}",
    rf"(?:dont|do not|no longer) (?:want|wish|need|like)(?: to| get| any| these| your| more){{0,4}} {_MESSAGES}",
    r"unsubscribe|opt(?:ed)? out|opt me out|take me off|remove (?:me|my number|my phone)|(?:delete|lose) my number",
    r"(?:revoke|withdraw) (?:my )?consent|leave me alone",
    rf"(?:no|ya no) (?:me|nos) {_ESCRIBIR}",
    rf"(?:deje|dejen|deja|pare|paren|basta) de {_ESCRIBIR}",
    rf"no (?:quiero|deseo|necesito)(?: recibir| mas| sus| estos| tus| los){{0,4}} {_TEXTOS}",
    rf"no (?:quiero|deseo) que (?:me|nos) {_ESCRIBIR}",
    rf"(?:no mas|basta de) {_TEXTOS}",
    r"(?:darme|deme|denme) (?:de )?(?:la )?baja|(?:borren?|quiten?|saquen?|eliminen?) mi numero",
    r"(?:quitenme|saquenme|borrenme|eliminenme)|(?:quiero|deseo) dejar de recibir|dejenme en paz",
)
"""Reasonable ways to say: no more messages."""

DANGER = _any(
    r"suicid\w*|kms|unalive|self ?harm\w*|overdos\w*|emergency|911|988|goodbye forever",
    r"(?:kill|killing) (?:myself|me|him|her|them|someone|somebody|everyone)",
    r"(?:want|wanna|going|gonna|ready|plan|planning|rather)(?: to)? die|want to be dead|hope i die",
    r"(?:end|ending) (?:my life|it all|everything)|(?:take|taking) my (?:own )?life|better off (?:dead|without me)",
    r"no (?:reason|point) (?:to|in) (?:live|living|go on|going on)|(?:cant|cannot|can not) go on",
    r"(?:dont|do not) (?:want to|wanna) (?:live|be here|wake up|be alive|exist)",
    r"wish i (?:was|were) (?:dead|never born)",
    r"(?:hurt|harm|cut|shoot|hang|burn|hurting|harming|cutting|shooting|hanging|burning) myself",
    r"(?:took|take|taking|swallow|swallowed) (?:all|too many|a lot of|the whole)(?: \w+){0,2} (?:pills|meds|tablets)",
    r"(?:going to|gonna|want to|wanna|will) (?:hurt|kill|shoot|stab) \w+|not safe|unsafe|in danger",
    r"(?:hit|hits|hitting|beat|beats|beating|hurts|hurting|chok\w+|abus\w+|threaten\w*|raped|rapes|raping) me",
    r"(?:cant|cannot|can not) (?:keep|stay)(?: myself)? safe",
    r"matar(?:me|lo|la|los|las)|me (?:voy a|quiero|quisiera|puedo) (?:matar|morir)",
    r"(?:quiero|quisiera|deseo) morir(?:me)?|no quiero (?:seguir )?(?:vivir|viviendo|despertar|estar aqui)",
    r"quitarme la vida|(?:acabar|terminar) con (?:mi vida|todo)|mejor muert[oa]",
    r"no (?:vale la pena|tiene sentido) vivir",
    r"hacerme dano|lastimarme|cortarme|ahorcarme|dispararme|sobredosis|me tome (?:todas|muchas)|no puedo mas",
    r"no estoy (?:a salvo|segur[oa])|en peligro|emergencia",
    r"me (?:pega|pego|golpe\w+|maltrat\w+|abus\w+|amenaz\w+|lastim\w+|viol\w+)",
)
"""Words after which a person is paged; they may only raise, never clear, so they may be generous."""
