"""What an organisation signed to be given a token (SMART Backend Services, private_key_jwt), believed or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt
from jwt.types import Options

from shared.programme import SUSPENDED, Organisation

FITS: dict[str, tuple[str, str | None]] = {"ES384": ("EC", "P-384"), "RS384": ("RSA", None)}
"""The algorithms we take, with the type and the curve of the keys they are for."""

LONGEST = timedelta(minutes=5)
SKEW = timedelta(seconds=30)
"""How far an organisation's clock may be from ours."""

UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""What is raised by tokens and keys that are made to be wrong."""

CLAIMS = ("iss", "sub", "aud", "exp", "jti")
CHECKED: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": list(CLAIMS)}


@dataclass(frozen=True)
class NoToken:
    """Why no token is given, in OAuth's words, and what to do."""

    error: Literal["invalid_client", "invalid_request", "invalid_scope"]
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """An assertion that counts: whose it is, its own number, and until when it might be shown again."""

    organisation: str
    jti: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """Whose an assertion says it is, how it is signed, and the key it names."""

    organisation: Organisation
    algorithm: str
    kid: str | None


def claimed(written: str, organisations: Mapping[str, Organisation]) -> Claimed | NoToken:
    """This will find whose assertion it is by its own claim, which nobody believes yet."""
    try:
        header = jwt.get_unverified_header(written)
        issuer = jwt.decode(written, options={"verify_signature": False}).get("iss")
    except UNREADABLE:
        return NoToken("invalid_request", "send a signed JWT as client_assertion")
    organisation = organisations.get(issuer) if isinstance(issuer, str) else None
    if organisation is None or (organisation.jwks is None and organisation.jwks_url is None):
        return NoToken("invalid_client", "let iss and sub be your organisation id, and your public key be registered")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in FITS:
        return NoToken("invalid_client", f"sign with {' or '.join(FITS)}")
    return Claimed(organisation=organisation, algorithm=algorithm, kid=kid if isinstance(kid, str) else None)


def believed(
    written: str, by: Claimed, keys: Sequence[Mapping[str, Any]], *, audience: str, now: datetime
) -> Assertion | NoToken:
    """This will believe an assertion only by a key of the organisation that it says it is by."""
    organisation = by.organisation
    claims = _claims(written, by.algorithm, list(_keys(keys, by.algorithm, by.kid)), audience)
    if isinstance(claims, NoToken):
        return claims
    wrong = _wrong(claims, now)
    if wrong:
        return NoToken("invalid_client", wrong)
    if organisation.suspended:
        return NoToken("invalid_client", SUSPENDED)
    until = datetime.fromtimestamp(claims["exp"], UTC) + SKEW
    return Assertion(organisation=organisation.organisation_id, jti=claims["jti"], until=until)


def _keys(registered: Sequence[Mapping[str, Any]], algorithm: str, kid: str | None) -> Iterator[jwt.PyJWK]:
    """This will give the keys that a signature may be by: of the algorithm's type, and the one that is named."""
    kind, curve = FITS[algorithm]
    for each in registered:
        fits = each.get("kty") == kind and curve in (None, each.get("crv")) and each.get("alg") in (None, algorithm)
        if not fits or (kid and each.get("kid") != kid):
            continue
        try:
            yield jwt.PyJWK(dict(each), algorithm=algorithm)
        except UNREADABLE:
            continue


def _claims(written: str, algorithm: str, keys: Sequence[jwt.PyJWK], audience: str) -> dict[str, Any] | NoToken:
    for key in keys:
        try:
            found: dict[str, Any] = jwt.decode(written, key, algorithms=[algorithm], audience=audience, options=CHECKED)
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidAudienceError:
            return NoToken("invalid_client", "let aud be the token address of /.well-known/smart-configuration")
        except UNREADABLE:
            return NoToken("invalid_client", f"the claims {', '.join(CLAIMS)} are all needed")
        return found
    return NoToken("invalid_client", "sign with a key of your registered set, and name it in kid")


def _wrong(claims: Mapping[str, Any], now: datetime) -> str | None:
    if claims["sub"] != claims["iss"]:
        return "let sub be the same as iss"
    if type(claims["exp"]) not in (int, float):
        return "let exp be a number of seconds"
    if claims["exp"] <= (now - SKEW).timestamp():
        return "the assertion is over: sign a new one"
    if not claims["exp"] <= (now + LONGEST + SKEW).timestamp():
        return "let exp be at most five minutes ahead"
    jti = claims["jti"]
    is_text = isinstance(jti, str) and 0 < len(jti) <= 200 and jti.isprintable()
    return None if is_text else "let jti be a text of its own, of 200 letters at most"
