"""The programme of the demo: two sites, two hospitals, a clinic, a community centre, two insurers, the programme, and
a hospital for tests."""

from shared.programme import Door, Organisation, Programme, SelfReferral, Site, StepIn

STEP_IN = StepIn(
    warm_line=Door(
        hours={"en": "Every day, 4 pm to 10 pm", "es": "Todos los días, de 4 a 10 de la tarde"}, phone="212-555-0177"
    ),
    drop_in=Door(
        hours={"en": "Monday to Friday, 10 am to 3 pm", "es": "De lunes a viernes, de 10 a 3"}, place="12 Elm Street"
    ),
    group=Door(
        hours={"en": "Thursdays at 6 pm", "es": "Los jueves a las 6 de la tarde"}, place="12 Elm Street, room 2"
    ),
)

SITES = [
    Site(
        site_id="northside",
        public_name="Northside office",
        zone="America/New_York",
        phone="212-555-0100",
        step_in=STEP_IN,
    ),
    Site(site_id="lakeside", public_name="Lakeside office", zone="America/Chicago", phone="312-555-0100"),
]


def _referrer(
    organisation_id: str,
    name: str,
    kind: str,
    site: str,
    *,
    screens: bool = False,
    mllp: bool = False,
    test: bool = False,
) -> Organisation:
    return Organisation(
        organisation_id=organisation_id,
        name=name,
        kind=kind,
        site_id=site,
        screens_before_referring=screens,
        status_consent_by_agreement=True,
        mllp=mllp,
        test=test,
    )


ORGANISATIONS = [
    _referrer("general-hospital", "General Hospital", "hospital", "northside", mllp=True),
    _referrer("riverside-hospital", "Riverside Hospital", "hospital", "lakeside"),
    _referrer("eastside-clinic", "Eastside Clinic", "clinic", "northside"),
    _referrer("harbor-centre", "Harbor Community Centre", "community", "lakeside"),
    _referrer("test-hospital", "Test Hospital", "hospital", "northside", mllp=True, test=True),
    Organisation(organisation_id="garden-health", name="Garden Health", kind="payer", plan_ids=["P3-GARDEN-SUD"]),
    Organisation(organisation_id="carolina-mco", name="Carolina MCO", kind="payer", plan_ids=["P1-CAROLINA-MCO"]),
    Organisation(organisation_id="programme", name="The programme itself", kind="agency", site_id="northside"),
]
PROGRAMME = Programme(
    name="Alongside demo",
    sites={each.site_id: each for each in SITES},
    organisations={each.organisation_id: each for each in ORGANISATIONS},
    self_referral=SelfReferral(organisation_id="programme"),
)
