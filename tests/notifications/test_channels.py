"""What leaves by each channel, taken by small real servers."""

from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest

from services.notifications.email import Smtp, compose
from services.notifications.pager import Pager
from services.notifications.rehearsal import Rehearsal
from services.notifications.rules.words import Message
from services.notifications.sms import HttpSms
from shared.events.notifications import PageOnCall
from tests.notifications.doubles import HttpDouble, SmtpDouble, http_double, smtp_double

MESSAGE = Message("Your next visit", "Reminder: you have a visit. STOP to end texts.")


@pytest.fixture
async def provider() -> AsyncIterator[HttpDouble]:
    async with http_double() as double:
        yield double


@pytest.fixture
async def mailserver() -> AsyncIterator[SmtpDouble]:
    async with smtp_double() as double:
        yield double


async def test_a_text_reaches_the_provider_with_its_key(provider: HttpDouble) -> None:
    answer = await HttpSms(provider.url, sender="+1555", token="t").send(MESSAGE, to="+12025550143", key="k1")

    assert (answer.outcome, answer.provider_id) == ("accepted", "p-1")
    assert provider.taken["k1"] == {"to": "+12025550143", "from": "+1555", "text": MESSAGE.text, "reference": "k1"}


async def test_a_text_leaves_by_the_proxy_that_the_surroundings_name(
    provider: HttpDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", provider.url)
    monkeypatch.delenv("NO_PROXY", raising=False)

    await HttpSms("http://provider.example/messages", sender="+1555").send(MESSAGE, to="+12025550143", key="k1")

    assert list(provider.taken) == ["k1"]


async def test_the_same_key_twice_is_one_message(provider: HttpDouble) -> None:
    channel = HttpSms(provider.url, sender="+1555")

    answers = [await channel.send(MESSAGE, to="+12025550143", key="k1") for _ in range(2)]

    assert [each.outcome for each in answers] == ["accepted", "accepted"]
    assert len(provider.taken) == 1


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (400, "refused"),
        (422, "refused"),
        (404, "refused"),
        (401, "unreachable"),
        (429, "unreachable"),
        (302, "unreachable"),
        (408, "unknown"),
        (500, "unknown"),
        (503, "unknown"),
        ("drop", "unknown"),
        ("hang", "unknown"),
    ],
)
async def test_an_answer_is_understood(provider: HttpDouble, behaviour: int | str, outcome: str) -> None:
    provider.behaviour = behaviour

    answer = await HttpSms(provider.url, sender="+1555", timeouts=aiohttp.ClientTimeout(sock_read=0.3)).send(
        MESSAGE, to="+12025550143", key="k1"
    )

    assert answer.outcome == outcome
    assert provider.asked == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://nobody.invalid/", "ftp://x", "test:", "not a url"])
async def test_a_provider_that_is_not_there_has_not_got_the_message(url: str) -> None:
    answer = await HttpSms(url, sender="+1555").send(MESSAGE, to="+12025550143", key="k1")

    assert answer.outcome == "unreachable"


async def test_a_provider_with_whom_no_safe_connection_comes_about_has_not_got_the_message(
    provider: HttpDouble,
) -> None:
    url = provider.url.replace("http:", "https:")

    answer = await HttpSms(url, sender="+1555").send(MESSAGE, to="+12025550143", key="k1")

    assert answer.outcome == "unreachable"
    assert provider.asked == 0


@pytest.mark.parametrize(("token", "key"), [("t\r\nX: y", "k1"), ("t", "k1\r\nX: y")])
async def test_nothing_breaks_out_of_a_texts_headers(provider: HttpDouble, token: str, key: str) -> None:
    with pytest.raises(ValueError, match="header"):
        await HttpSms(provider.url, sender="+1555", token=token).send(MESSAGE, to="+12025550143", key=key)

    assert provider.asked == 0


async def test_a_mail_arrives_as_written(mailserver: SmtpDouble) -> None:
    channel = Smtp(f"smtp://127.0.0.1:{mailserver.port}", sender="visits@north.example")

    answer = await channel.send(MESSAGE, to="ana@example.org", key="k1")

    assert answer.outcome == "accepted"
    assert mailserver.recipients == ["ana@example.org"]
    mail = mailserver.mails[0]
    assert (mail["Subject"], mail["To"], mail["Message-ID"]) == (
        "Your next visit",
        "ana@example.org",
        "<k1@north.example>",
    )
    assert mail.get_content().strip() == MESSAGE.text


@pytest.mark.parametrize(
    ("refuses", "drops", "outcome"), [(550, False, "refused"), (451, False, "unreachable"), (0, True, "unknown")]
)
async def test_a_mailservers_answer_is_understood(
    mailserver: SmtpDouble, refuses: int, drops: bool, outcome: str
) -> None:
    mailserver.refuses, mailserver.drops = refuses, drops

    answer = await Smtp(f"smtp://127.0.0.1:{mailserver.port}", sender="v@n.example").send(
        MESSAGE, to="ana@example.org", key="k1"
    )

    assert answer.outcome == outcome


async def test_a_mailserver_that_is_not_there_has_not_got_the_mail() -> None:
    answer = await Smtp("smtp://127.0.0.1:9", sender="v@n.example").send(MESSAGE, to="ana@example.org", key="k1")

    assert answer.outcome == "unreachable"


@pytest.mark.parametrize("to", ["a@b.org\nBcc: c@d.org", "a\r\nX: y@b.org", "a@b.org, c@d.org"])
def test_no_address_breaks_out_of_its_header(to: str) -> None:
    try:
        letter = compose(MESSAGE, sender="v@n.example", to=to, key="k")
    except ValueError:
        return

    assert letter["Bcc"] is None
    assert len(letter["To"].addresses) == 1


@pytest.mark.parametrize("url", ["", "http://x", "smtp://", "localhost:25"])
def test_says_how_an_smtp_url_is_written(url: str) -> None:
    with pytest.raises(ValueError, match="smtp://host:port"):
        Smtp(url, sender="v@n.example")


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        ("+12025550143", "accepted"),
        ("+12025550001", "refused"),
        ("+12025550002", "accepted"),
        ("+12025550003", "unknown"),
        ("+12025550004", "accepted"),
        ("ana@example.org", "accepted"),
        ("ana.refused@example.org", "refused"),
        ("ana+unknown@example.org", "unknown"),
    ],
)
async def test_a_rehearsals_recipients_behave_as_their_address_ends(to: str, outcome: str) -> None:
    assert (await Rehearsal().send(MESSAGE, to=to, key="k")).outcome == outcome


async def test_a_page_carries_ids_and_nothing_else(provider: HttpDouble) -> None:
    page = PageOnCall(page_id=uuid4(), site_id="north", referral_id=uuid4(), attempt=1)

    answer = await Pager().send(page, to=provider.url)

    assert answer.outcome == "accepted"
    assert provider.taken[str(page.page_id)] == {"site": "north", "referral": str(page.referral_id), "step": 1}


@pytest.mark.parametrize("to", ["http://127.0.0.1:9/", "not a url", "test:refused", "ftp://x"])
async def test_a_pager_that_cannot_be_reached_is_noticed(to: str) -> None:
    page = PageOnCall(page_id=uuid4(), site_id="north", attempt=1)

    assert (await Pager().send(page, to=to)).outcome == "unreachable"
