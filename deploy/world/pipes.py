"""A referral as an interface engine writes it: HL7 v2, which has no words for what a person wishes."""

from deploy.world.people import CHALLENGES, Person

SYSTEMS = {"http://snomed.info/sct": "SCT"}
PRIORITIES = {"routine": "R^Routine", "urgent": "A^ASAP", "stat": "S^Stat"}
LANGUAGES = {"en": "en^English", "es": "es^Spanish"}
RISKS = {"crisis": "flagged^May be in danger", "unscreened": "unknown^Nobody asked"}


def ref(person: Person) -> bytes:
    """This will write a REF^I12 of a person."""
    moment, number = f"{person.posted_at:%Y%m%d%H%M%S}+0000", person.identifier
    system, code = CHALLENGES[person.challenge]
    asked = "183524004^Referral to psychiatry" if person.mishap == "other_service" else "461481000124109^Peer support"
    segments = [
        rf"MSH|^~\&|ENGINE|{person.organisation}|ALONGSIDE||{moment}||REF^I12^REF_I12|{number}|P|2.5.1",
        f"RF1|P^Pending|{PRIORITIES[person.priority]}|MED||O|{number}^{person.organisation}|||{moment}|{asked}^SCT",
        f"PID|1||M-{person.number:05}^^^{person.organisation}||Example^{person.first_name}||{person.birth_date:%Y%m%d}"
        f"|{person.gender[0].upper()}|||||^PRN^CP^^^^^^^^^{person.phone}||{LANGUAGES[person.language]}",
        f"DG1|1||{code}^{person.challenge}^{SYSTEMS[system]}",
        f"OBX|1|CWE|risk^Risk screen^ALONGSIDE||{RISKS.get(person.mishap, 'none^No sign of danger')}",
    ]
    if person.discharged_on:
        segments.insert(3, f"PV1|1|I{'|' * 43}{person.discharged_on:%Y%m%d}")
    if person.plan:
        payer, plan = person.plan
        member = f"{payer[:2].upper()}{person.number:06}"
        segments.append(f"IN1|1|{plan}||{payer}||||||||20260101|20261231{'|' * 23}{member}")
    return "\r".join(_spoiled(segments, person)).encode() + b"\r"


def _spoiled(segments: list[str], person: Person) -> list[str]:
    if person.mishap == "wrong_type":
        return [each for each in segments if not each.startswith("RF1")]
    if person.mishap == "unknown_code":
        return [each.replace("none^", "some^") for each in segments]
    return segments
