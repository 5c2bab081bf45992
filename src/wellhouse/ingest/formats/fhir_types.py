"""The parts of FHIR R4 resources that are read, as msgspec types: whatever else a resource says is skipped unread.

Numbers stay :class:`msgspec.Raw`: their digits are kept as written.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw

RESOURCE_TYPE = "resourceType"
NOTHING = Raw(b"")


class Part(msgspec.Struct, gc=False):
    """A data type; resources only contain resources unread (``Raw``), so none of them can be cyclic."""


class Extension(Part):
    url: str = ""
    valueDecimal: Raw = NOTHING
    valueInteger: Raw = NOTHING


class Coding(Part):
    system: str | None = None
    code: str | None = None
    display: str | None = None
    extension: list[Extension] = []


class Concept(Part):
    """CodeableConcept"""

    coding: list[Coding] = []
    text: str | None = None


class Period(Part):
    start: str | None = None
    end: str | None = None


class Identifier(Part):
    use: str | None = None
    type: Concept | None = None
    system: str | None = None
    value: str | None = None
    period: Period | None = None


class Reference(Part):
    reference: str | None = None
    identifier: Identifier | None = None


class Quantity(Part):
    value: Raw = NOTHING
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Ratio(Part):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Range(Part):
    low: Quantity | None = None
    high: Quantity | None = None


class Name(Part):
    """HumanName"""

    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: list[str | None] = []


class Telecom(Part):
    """ContactPoint"""

    system: str | None = None
    value: str | None = None
    use: str | None = None


class Address(Part):
    use: str | None = None
    text: str | None = None
    line: list[str | None] = []
    city: str | None = None
    district: str | None = None
    state: str | None = None
    postalCode: str | None = None


class Valued(Part, kw_only=True):
    """What has a code and ``value[x]``: an Observation or one of its components."""

    code: Concept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: Raw = NOTHING
    valueRange: Range | None = None
    valueRatio: Ratio | None = None
    valueSampledData: Any = UNSET
    valueTime: str | None = None
    valueDateTime: str | None = None
    valuePeriod: Period | None = None


class Component(Valued):
    """Observation.component"""


class Patient(Part, tag_field=RESOURCE_TYPE, tag="Patient"):
    id: str | None = None
    identifier: list[Identifier] = []
    name: list[Name] = []
    telecom: list[Telecom] = []
    gender: str | None = None
    birthDate: str | None = None
    address: list[Address] = []


class Observation(Valued, tag_field=RESOURCE_TYPE, tag="Observation", kw_only=True):
    id: str | None = None
    status: str | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    component: list[Component] = []
    contained: list[Raw] = []


class DiagnosticReport(Part, tag_field=RESOURCE_TYPE, tag="DiagnosticReport"):
    id: str | None = None
    status: str | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    result: list[Reference] = []
    contained: list[Raw] = []


class Encounter(Part, tag_field=RESOURCE_TYPE, tag="Encounter"):
    id: str | None = None
    identifier: list[Identifier] = []
    status: str | None = None
    subject: Reference | None = None
    period: Period | None = None
    contained: list[Raw] = []


class Answer(Part, kw_only=True):
    """QuestionnaireResponse.item.answer"""

    valueBoolean: bool | None = None
    valueDecimal: Raw = NOTHING
    valueInteger: Raw = NOTHING
    valueDate: str | None = None
    valueDateTime: str | None = None
    valueTime: str | None = None
    valueString: str | None = None
    valueUri: str | None = None
    valueCoding: Coding | None = None
    valueQuantity: Quantity | None = None
    valueAttachment: Any = UNSET
    valueReference: Any = UNSET
    item: list[ResponseItem] = []


class ResponseItem(Part):
    """QuestionnaireResponse.item"""

    linkId: str = ""
    answer: list[Answer] = []
    item: list[ResponseItem] = []


class QuestionnaireResponse(Part, tag_field=RESOURCE_TYPE, tag="QuestionnaireResponse"):
    id: str | None = None
    identifier: Identifier | None = None
    questionnaire: str | None = None
    status: str | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    authored: str | None = None
    item: list[ResponseItem] = []
    contained: list[Raw] = []


class Option(Part):
    """Questionnaire.item.answerOption"""

    valueCoding: Coding | None = None


class QuestionItem(Part):
    """Questionnaire.item"""

    linkId: str = ""
    text: str | None = None
    code: list[Coding] = []
    answerOption: list[Option] = []
    item: list[QuestionItem] = []


class Questionnaire(Part, tag_field=RESOURCE_TYPE, tag="Questionnaire"):
    id: str | None = None
    url: str | None = None
    version: str | None = None
    name: str | None = None
    code: list[Coding] = []
    item: list[QuestionItem] = []


class ActivityDetail(Part):
    """CarePlan.activity.detail"""

    code: Concept | None = None
    status: str | None = None
    scheduledPeriod: Period | None = None
    dailyAmount: Quantity | None = None
    quantity: Quantity | None = None


class Activity(Part):
    """CarePlan.activity"""

    detail: ActivityDetail | None = None
    reference: Reference | None = None


class CarePlan(Part, tag_field=RESOURCE_TYPE, tag="CarePlan"):
    id: str | None = None
    identifier: list[Identifier] = []
    status: str | None = None
    category: list[Concept] = []
    subject: Reference | None = None
    period: Period | None = None
    created: str | None = None
    activity: list[Activity] = []
    contained: list[Raw] = []


Resource = Patient | Observation | DiagnosticReport | Encounter | QuestionnaireResponse | Questionnaire | CarePlan
TAKEN = tuple(t.__name__ for t in Resource.__args__)
"""The resource types that are read."""


class Kind(msgspec.Struct):
    """What any resource says of itself."""

    resourceType: str | None = None
    id: str | None = None


class Whose(Part):
    """Where resources of any type say whom they are about."""

    subject: Reference | None = None
    patient: Reference | None = None
    contained: list[Raw] = []


class Request(Part):
    method: str | None = None
    url: str | None = None


class Entry(Part):
    """Bundle.entry"""

    fullUrl: str | None = None
    resource: Raw = NOTHING
    request: Request | None = None


class Bundle(Part):
    """``entry`` unread, so that one broken entry is one broken record."""

    resourceType: str | None = None
    type: str | None = None
    entry: list[Raw] = []
