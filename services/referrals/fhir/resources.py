"""The resources a referral is made of, as partners write them: only the elements we use."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.referrals.fhir.words import (
    All,
    Annotation,
    Coding,
    Concept,
    Day,
    Element,
    Few,
    Gender,
    Identifier,
    Many,
    Moment,
    One,
    Period,
    Priority,
    Reference,
    RequestIntent,
    RequestStatus,
    Resource,
    Short,
    TaskStatus,
    Text,
)


class HumanName(Element):
    use: Text | None = None
    family: Short | None = None
    given: Many[Short] = []
    text: Short | None = None


class ContactPoint(Element):
    system: Literal["phone", "fax", "email", "pager", "url", "sms", "other"] | None = None
    value: Short | None = None
    use: Literal["home", "work", "temp", "old", "mobile"] | None = None
    rank: Annotated[int, Field(ge=1, le=2**31)] | None = None
    period: One[Period] = Period()


class Communication(Element):
    language: One[Concept] = Concept()
    preferred: bool = False


class Patient(Resource):
    identifier: Few[Identifier] = []
    name: Few[HumanName] = []
    telecom: Few[ContactPoint] = []
    gender: Gender | None = None
    birth_date: Day | None = Field(None, alias="birthDate")
    deceased_boolean: bool = Field(False, alias="deceasedBoolean")
    deceased_at: Moment | None = Field(None, alias="deceasedDateTime")
    communication: Few[Communication] = []


class CoverageClass(Element):
    type: One[Concept] = Concept()
    value: Short | None = None


class Coverage(Resource):
    identifier: Many[Identifier] = []
    status: Literal["active", "cancelled", "draft", "entered-in-error"] = "active"
    subscriber_id: Short | None = Field(None, alias="subscriberId")
    beneficiary: One[Reference] = Reference()
    period: One[Period] = Period()
    payor: Many[Reference] = []
    classes: Many[CoverageClass] = Field([], alias="class")


class Actor(Element):
    reference: One[Reference] = Reference()


class Provision(Element):
    type: Literal["deny", "permit"] | None = None
    period: One[Period] = Period()
    actor: Few[Actor] = []
    action: Many[Concept] = []
    purpose: Many[Coding] = []
    security_label: Many[Coding] = Field([], alias="securityLabel")
    classes: Many[Coding] = Field([], alias="class")
    provision: All["Provision"] = []


class Verification(Element):
    verified: bool = False


class Policy(Element):
    uri: Text | None = None


class Consent(Resource):
    status: Literal["draft", "proposed", "active", "rejected", "inactive", "entered-in-error"]
    scope: One[Concept] = Concept()
    category: Many[Concept] = []
    patient: One[Reference] = Reference()
    date_time: Moment | None = Field(None, alias="dateTime")
    policy: Many[Policy] = []
    policy_rule: One[Concept] = Field(Concept(), alias="policyRule")
    verification: Many[Verification] = []
    provision: One[Provision] = Provision()


class Condition(Resource):
    clinical_status: One[Concept] = Field(Concept(), alias="clinicalStatus")
    verification_status: One[Concept] = Field(Concept(), alias="verificationStatus")
    code: One[Concept] = Concept()
    subject: One[Reference] = Reference()


class Encounter(Resource):
    subject: One[Reference] = Reference()
    period: One[Period] = Period()


class Quantity(Element):
    value: float | None = None


class Valued(Element):
    """What was answered or found, in whichever way FHIR lets it be written."""

    value_coding: One[Coding] | None = Field(None, alias="valueCoding")
    value_concept: One[Concept] | None = Field(None, alias="valueCodeableConcept")
    value_string: Text | None = Field(None, alias="valueString")
    value_boolean: bool | None = Field(None, alias="valueBoolean")
    value_integer: int | None = Field(None, alias="valueInteger")
    value_decimal: float | None = Field(None, alias="valueDecimal")
    value_quantity: One[Quantity] | None = Field(None, alias="valueQuantity")


class Answer(Valued):
    item: All["Item"] = []


class Item(Element):
    link_id: Text = Field("", alias="linkId")
    answer: All[Answer] = []
    item: All["Item"] = []


class QuestionnaireResponse(Resource):
    status: Text | None = None
    subject: One[Reference] = Reference()
    item: All[Item] = []


class Component(Valued):
    code: One[Concept] = Concept()


class Record(Resource):
    status: Text | None = None
    code: One[Concept] = Concept()


class Observation(Record, Valued):
    subject: One[Reference] = Reference()
    component: All[Component] = []


class Prediction(Element):
    outcome: One[Concept] = Concept()
    qualitative_risk: One[Concept] = Field(Concept(), alias="qualitativeRisk")


class RiskAssessment(Record):
    prediction: Many[Prediction] = []


class ServiceRequest(Resource):
    contained: All[dict[str, Any]] = []
    identifier: Many[Identifier] = []
    status: RequestStatus
    intent: RequestIntent
    do_not_perform: bool = Field(False, alias="doNotPerform")
    priority: Priority = "routine"
    category: Many[Concept] = []
    code: One[Concept] | None = None
    subject: One[Reference]
    encounter: One[Reference] | None = None
    authored_on: Moment | None = Field(None, alias="authoredOn")
    reason_code: Many[Concept] = Field([], alias="reasonCode")
    reason_reference: Many[Reference] = Field([], alias="reasonReference")
    insurance: Many[Reference] = []
    order_detail: Many[Concept] = Field([], alias="orderDetail")
    note: Many[Annotation] = []
    patient_instruction: Text | None = Field(None, alias="patientInstruction")


class Task(Resource):
    contained: All[dict[str, Any]] = []
    identifier: Many[Identifier] = []
    status: TaskStatus
    code: One[Concept] = Concept()
    focus: One[Reference] = Reference()
    based_on: Many[Reference] = Field([], alias="basedOn")
    priority: Priority = "routine"
    description: Text | None = None
    status_reason: One[Concept] = Field(Concept(), alias="statusReason")
    reason_code: One[Concept] = Field(Concept(), alias="reasonCode")
    note: Many[Annotation] = []


class EntryRequest(Element):
    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]
    url: Text
    if_none_exist: Text | None = Field(None, alias="ifNoneExist")


class Entry(Element):
    full_url: Text | None = Field(None, alias="fullUrl")
    resource: dict[str, Any]
    request: EntryRequest | None = None


class Bundle(Element):
    id: Text | None = None
    type: Literal[
        "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history",
        "searchset", "collection",
    ]  # fmt: skip
    entry: All[Entry] = []
