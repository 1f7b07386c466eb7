"""Gives an organisation an access token for an assertion that counts, once."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.rules.assertions import Assertion, NoToken
from services.referrals.rules.scopes import granted
from shared import tokens
from shared.clock import real
from shared.mailbox import Reply


@dataclass(frozen=True, kw_only=True)
class Asking:
    """An assertion that is believed, and the scopes that are asked for."""

    assertion: Assertion
    scope: str


async def give_token(asking: Asking, db: AsyncConnection) -> Reply:
    """This will give (token, scopes) for an assertion that never counted before, or say why not."""
    assertion, scopes = asking.assertion, granted(asking.scope)
    if not await store.use(db, assertion.organisation, assertion.jti, assertion.until):
        return Reply(NoToken("invalid_client", "this assertion was used before: sign a new one, with another jti"))
    if not scopes:
        return Reply(NoToken("invalid_scope", "ask for system/ServiceRequest.crs, system/Task.crus, or a part of them"))
    access = tokens.Access(assertion.organisation, scopes, real() + tokens.LIVES)
    return Reply((tokens.issue(access), scopes))
