"""A hook calls public endpoints, once, at the address that was looked at: nothing of an inner network is ever asked."""

import asyncio
import logging
from pathlib import Path

import pytest

from services.referrals.hook import Hooks
from services.referrals.rules.hooks import NotAllowed, Reach, endpoint, headers, is_public, origin
from services.referrals.settings import Settings
from tests.referrals.endpoints import HOST, certificates, port_of
from tests.referrals.endpoints import endpoint as listening

GOOD = [
    "https://hooks.hospital.example",
    "https://hooks.hospital.example/",
    "https://HOOKS.Hospital.example/fhir/notify?site=3&key=a%20b",
    "https://hooks.hospital.example:8443/a@b",
    "https://xn--bcher-kva.example/hook",
    "https://1.hooks.example/",
]
BAD = [
    "",
    "hooks.hospital.example",
    "//hooks.hospital.example/",
    "http://hooks.hospital.example/",
    "ftp://hooks.hospital.example/",
    "file:///etc/passwd",
    "gopher://hooks.hospital.example:443/_x",
    "javascript:alert(1)",
    "HTTPS://hooks.hospital.example/",
    "https://",
    "https:///path",
    "https:hooks.hospital.example",
    "https://user@hooks.hospital.example/",
    "https://user:secret@hooks.hospital.example/",
    "https://hooks.hospital.example@127.0.0.1/",
    "https://127.0.0.1\\@hooks.hospital.example/",
    "https://hooks.hospital.example\\@127.0.0.1/",
    "https://hooks.hospital.example#@127.0.0.1/",
    "https://hooks.hospital.example/#fragment",
    "https://hooks.hospital.example/ a",
    " https://hooks.hospital.example/",
    "https://hooks.hospital.example/\n",
    "https://hooks.hospital.example/\r\nX: y",
    "https://hooks.hospital.example\t/",
    "https://hooks.hospital.example:22/",
    "https://hooks.hospital.example:0/",
    "https://hooks.hospital.example:99999/",
    "https://hooks.hospital.example:443:443/",
    "https://hooks.hospital.example:/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
    "https://printer/",
    "https://printer.local/",
    "https://db.internal/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://router.home.arpa/",
    "https://wiki.corp/",
    "https://hooks.hospital.example./",
    "https://hooks..hospital.example/",
    "https://-hooks.hospital.example/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.0x1/",
    "https://0/",
    "https://10.0.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.168.1.1/",
    "https://93.184.216.34/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[2606:4700:4700::1111]/",
    "https://[::1",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "https://127\u30020\u30020\u30021/",
    "https://\u24dbocalhost.example/",
    "https://b\u00fccher.example/",
    "https://hooks.hospital.example/" + "a" * 2_000,
    "https://" + "a" * 64 + ".example/",
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"]
NOT_PUBLIC = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "64:ff9b::7f00:1", "64:ff9b:1::1",
    "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fe80::1%eth0", "2606:4700::1%1", "fec0::1", "ff02::1", "nonsense", "", "127.1",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_a_public_host_by_https_may_be_called(url: str) -> None:
    assert not endpoint(url, Reach()).named


@pytest.mark.parametrize("url", BAD)
def test_whatever_may_lead_inside_is_refused_with_what_to_send_instead(url: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        endpoint(url, Reach())

    assert str(refused.value) and "127" not in str(refused.value)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_public_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_with_another_purpose_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_an_operator_may_name_an_inner_origin_and_only_that_is_let_through() -> None:
    reach = Reach(origins=frozenset({origin("http://10.0.0.5:9000"), origin("https://hooks.internal/")}))

    assert endpoint("http://10.0.0.5:9000/hook", reach).named
    assert endpoint("https://hooks.internal/hook", reach).named
    for other in ("https://10.0.0.5:9000/", "http://10.0.0.5/", "http://10.0.0.6:9000/", "http://hooks.internal/"):
        with pytest.raises(NotAllowed):
            endpoint(other, reach)


@pytest.mark.parametrize("written", ["hooks.internal", "https://hooks.internal/path", "ftp://x.example", "*"])
def test_an_origin_that_is_none_is_told_at_the_start(written: str) -> None:
    with pytest.raises(ValueError, match="must be an origin"):
        Settings(hook_origins={"general-hospital": [written]})


@pytest.mark.parametrize(
    "line",
    [
        "Authorization",
        ": no name",
        "X-Key:",
        "X-Key: a\r\nX-Other: b",
        "X-Key: a\nb",
        "X-Key: a\x00b",
        "X-Key: caf\u00e9",
        "X Key: a",
        "X-Key : a",
        "X-Key\r\n: a",
        "Host: inner",
        "Content-Length: 0",
        "content-type: text/plain",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Upgrade: h2c",
        "Expect: 100-continue",
        "Proxy-Authorization: x",
        "X-Forwarded-For: 127.0.0.1",
        "Cookie: a=b",
        "X-Key: " + "a" * 5_000,
    ],
)
def test_a_header_that_would_change_the_call_itself_is_refused(line: str) -> None:
    with pytest.raises(NotAllowed):
        headers([line])


def test_headers_for_the_subscriber_are_kept_as_written() -> None:
    assert headers(["Authorization: Bearer a:b", "X-Key:  c d "]) == {"Authorization": "Bearer a:b", "X-Key": "c d"}
    with pytest.raises(NotAllowed, match="once"):
        headers(["X-Key: a", "x-key: b"])


class Names:
    """A resolver whose answers the test chooses, one after another."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0)


async def test_a_name_is_looked_up_once_and_what_was_looked_at_is_called(tmp_path: Path) -> None:
    believed, shown = certificates(tmp_path)
    async with listening(tls=shown) as first, listening("127.0.0.2", port_of(first), shown) as inner:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        port = port_of(first)
        hooks = Hooks(
            Reach(ports=frozenset({port})),
            tls=Settings(hook_authorities=believed).hook_tls(),
            look_up=names,
            is_public=lambda address: address == "127.0.0.1",
        )
        url = f"https://{HOST}:{port}/hook"

        taken = await hooks.send(url, {}, b"{}", about="a", within=5)
        rebound = await hooks.send(url, {}, b"{}", about="b", within=5)

        assert (taken, rebound) == (True, False)
        assert (len(first.taken), len(inner.taken), names.asked) == (1, 0, 2)
        assert f"Host: {HOST}:{port}" in first.heads[0]


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["169.254.169.254"], ["::1"], []])
async def test_a_name_that_leads_inside_is_not_called_at_all(answer: list[str], tmp_path: Path) -> None:
    believed, shown = certificates(tmp_path)
    async with listening(tls=shown) as inner:
        port = port_of(inner)
        reach, tls = Reach(ports=frozenset({port})), Settings(hook_authorities=believed).hook_tls()

        taken = await Hooks(reach, tls=tls, look_up=Names(answer)).send(
            f"https://{HOST}:{port}/", {}, b"{}", about="a", within=2
        )

        assert not taken
        assert inner.taken == []


async def test_a_certificate_of_another_host_is_not_believed(tmp_path: Path) -> None:
    believed, shown = certificates(tmp_path, "other.example")
    async with listening(tls=shown) as other:
        port = port_of(other)
        hooks = Hooks(
            Reach(ports=frozenset({port})),
            tls=Settings(hook_authorities=believed).hook_tls(),
            look_up=Names(["127.0.0.1"]),
            is_public=lambda _: True,
        )

        assert not await hooks.send(f"https://{HOST}:{port}/", {}, b"{}", about="a", within=5)
        assert other.taken == []


@pytest.mark.parametrize("behaviour", [301, 302, 307, 308, 400, 404, 500, "drop"])
async def test_only_success_is_success_and_no_redirect_is_followed(behaviour: int | str) -> None:
    async with listening() as found:
        found.behaviour = behaviour
        hooks = Hooks(Reach(origins=frozenset({found.url.rstrip("/")})))

        taken = await hooks.send(found.url, {}, b"{}", about="a", within=5)

        assert not taken
        assert len(found.taken) == 1


async def test_an_answer_that_never_ends_is_not_read() -> None:
    async with listening() as found:
        found.behaviour = "endless"
        hooks = Hooks(Reach(origins=frozenset({found.url.rstrip("/")})))

        taken = await asyncio.wait_for(hooks.send(found.url, {}, b"{}", about="a", within=5), 5)
        await asyncio.sleep(0.1)
        before = found.sent
        await asyncio.sleep(0.1)

        assert taken
        assert found.sent == before < 10_000_000


async def test_who_does_not_answer_is_left_after_the_time_they_have() -> None:
    async with listening() as found:
        found.behaviour = "hang"
        hooks = Hooks(Reach(origins=frozenset({found.url.rstrip("/")})))

        assert not await asyncio.wait_for(hooks.send(found.url, {}, b"{}", about="a", within=0.3), 2)


async def test_what_went_wrong_is_logged_without_the_url_and_the_headers(caplog: pytest.LogCaptureFixture) -> None:
    hooks = Hooks(Reach(), look_up=Names(["10.0.0.1"]))

    with caplog.at_level(logging.DEBUG):
        await hooks.send(f"https://{HOST}/a-secret?k=1", {"X-Key": "another-secret"}, b"{}", about="one", within=2)

    assert "one: the call failed" in caplog.text and "Inside" in caplog.text
    assert "secret" not in caplog.text and HOST not in caplog.text
