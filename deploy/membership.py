"""Lets organisations in, changes their keys and suspends them: in the programme, on the broker, and in what runs."""

from datetime import datetime, timedelta
from pathlib import Path

from deploy import premises
from deploy.desk import Change, Done, desk_at, edited
from deploy.nats import keys, plan
from deploy.premises import AGENCY, key_file
from shared.clock import real
from shared.programme import Organisation, hash_key, new_key

WITHIN = 15.0
"""Seconds in which the broker and the services have to follow."""

NOTHING_ENDS: Change = {"key_ends": None, "nkey_ends": None}


async def add(data: Path, organisation_id: str, entry: Change, *, within: float = WITHIN) -> Done:
    """This will let an organisation in; ValueError, and nothing is written, where it cannot be."""
    async with desk_at(data, within) as desk:
        if organisation_id in desk.before.programme.organisations:
            raise ValueError(f"{organisation_id} is taken: choose another id, or `alongside org rotate` its keys.")
        key, place = new_key(organisation_id), key_file(desk.data, organisation_id)
        entry = {"organisation_id": organisation_id, **entry, "key_hashes": [hash_key(key)]}
        content, programme = edited(desk.data, organisation_id, entry)
        plan.refuse_unusable(list(programme.organisations.values()))
        premises.replace(place, key, mode=0o600)
        now = desk.configure(programme)
        await desk.until_let_in(now, organisation_id, keys.seed(desk.seeds, organisation_id))
        desk.write(content)
        await desk.until_followed(done=f"Its keys are made ({place})")
        return desk.done(now, key)


async def rotate(data: Path, organisation_id: str, *, grace: timedelta, within: float = WITHIN) -> Done:
    """This will give an organisation a new API key and nkey; those it has work on for `grace`."""
    async with desk_at(data, within) as desk:
        one = desk.one(organisation_id)
        if one.suspended:
            raise ValueError(f"{organisation_id} is suspended: resume it first.")
        place, coming = keys.place(desk.seeds, organisation_id), keys.coming(desk.seeds, organisation_id)
        former, fresh = (keys.seed(desk.seeds, each.stem) for each in (place, coming))
        await desk.until_let_in(desk.configure(desk.before.programme), organisation_id, fresh)
        key, until = new_key(organisation_id), real() + grace
        change = _ending(one, keys.public(place), until) if grace else {"key_hashes": [], **NOTHING_ENDS}
        change["key_hashes"] = [*change["key_hashes"], hash_key(key)]
        content, programme = edited(desk.data, organisation_id, change)
        desk.write(content)
        coming.replace(place)
        premises.replace(key_file(desk.data, organisation_id), key, mode=0o600)
        now, done = desk.configure(programme), f"The new keys count ({key_file(desk.data, organisation_id)})"
        await desk.until_followed(done=done)
        if not grace:
            await desk.until_cut_off(now, organisation_id, former, done=done)
        return desk.done(now, key, until)


async def retire(data: Path, organisation_id: str, *, within: float = WITHIN) -> Done:
    """This will end at once the keys of an organisation that others have replaced."""
    async with desk_at(data, within) as desk:
        one = desk.one(organisation_id)
        if not one.key_ends and not one.nkey_ends:
            raise ValueError(f"{organisation_id} has no replaced keys that still work.")
        left = [each for each in one.key_hashes if each not in one.key_ends]
        content, programme = edited(desk.data, organisation_id, {"key_hashes": left, **NOTHING_ENDS})
        desk.write(content)
        now = desk.configure(programme)
        await desk.until_followed(done="The broker's configuration knows the newest keys only")
        return desk.done(now)


async def suspend(data: Path, organisation_id: str, *, within: float = WITHIN) -> Done:
    """This will let an organisation in no more; what it sent before goes on."""
    async with desk_at(data, within) as desk:
        if organisation_id == AGENCY:
            raise ValueError(f"{AGENCY} is the programme itself: this command asks the services with its key.")
        if desk.one(organisation_id).suspended:
            raise ValueError(f"{organisation_id} is suspended already.")
        asked = desk.before.programme.self_referral
        if asked and asked.organisation_id == organisation_id:
            raise ValueError(f"People ask for themselves in the name of {organisation_id}: change self_referral first.")
        content, programme = edited(desk.data, organisation_id, {"suspended": True})
        seed = keys.seed(desk.seeds, organisation_id)
        desk.write(content)
        now = desk.configure(programme)
        await desk.until_followed(done="The broker's configuration knows it no more")
        await desk.until_cut_off(now, organisation_id, seed, done="HTTP refuses it from now on")
        return desk.done(now)


async def resume(data: Path, organisation_id: str, *, within: float = WITHIN) -> Done:
    """This will let a suspended organisation in again, with the keys it had."""
    async with desk_at(data, within) as desk:
        if not desk.one(organisation_id).suspended:
            raise ValueError(f"{organisation_id} is not suspended.")
        content, programme = edited(desk.data, organisation_id, {"suspended": None})
        now = desk.configure(programme)
        await desk.until_let_in(now, organisation_id, keys.seed(desk.seeds, organisation_id))
        desk.write(content)
        await desk.until_followed(done="The broker lets it in")
        return desk.done(now)


def _ending(one: Organisation, nkey: str, until: datetime) -> Change:
    """This will let every key that works now end, at `until` or when it was to end before."""
    hashes = [each for each in one.key_hashes if one.knows(each, at=real())]
    nkeys = {key: end for key, end in one.nkey_ends.items() if real() < end}
    return {
        "key_hashes": hashes,
        "key_ends": {each: _written(min(until, one.key_ends.get(each, until))) for each in hashes},
        "nkey_ends": {**{key: _written(min(until, end)) for key, end in nkeys.items()}, nkey: _written(until)},
    }


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
