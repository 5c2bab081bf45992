"""Whatever stands in a FHIR file: no crash, no record lost, every byte kept, and a reason that is documented."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_fhir import FIXTURES, Found, read
from wellhouse.ingest.formats import fhir_cut, fhir_types
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import PROJECT_ROOT

REASONS = set(re.findall(r"`([a-z_]+)`", (PROJECT_ROOT / "docs" / "data_formats.md").read_text()))
RESOURCES = [
    resource
    for name in sorted(FIXTURES.glob("*.json"))
    if name.stem not in ("truncated_bundle", "byte_order_mark")
    for resource in [json.loads(name.read_text())]
]
BROKEN = st.sampled_from([None, True, -1, 1e400, "", "\x00", [], [None], {}, {"x": 1}, "9" * 400, "<", "\ud83d"])


def survives(data: bytes) -> Found | None:
    """Read it; ``read`` itself checks that each record is in one place and that no byte is lost."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.json"
        path.write_bytes(data)
        reason, found = _read(path)
    assert reason in REASONS | {None}
    if found is None:
        return None
    assert set(found.bad.values()) <= REASONS
    return found


def _read(path: Path) -> tuple[str | None, Found | None]:
    try:
        return None, read(path)
    except Unreadable as error:
        return error.reason, None


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes(data: bytes) -> None:
    survives(data)


@given(st.sampled_from(sorted(FIXTURES.iterdir())), st.data())
@settings(max_examples=300, deadline=None)
def test_any_truncation_and_damage(path: Path, data: st.DataObject) -> None:
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    survives(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


@given(st.sampled_from(RESOURCES), st.data())
@settings(max_examples=400, deadline=None)
def test_any_element_of_a_wrong_type(resource: Any, data: st.DataObject) -> None:
    copy = json.loads(json.dumps(resource))
    places: list[tuple[Any, Any]] = []
    waiting = [copy]
    while waiting:
        node = waiting.pop()
        below = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        places += [(node, key) for key, _ in below]
        waiting += [value for _, value in below if isinstance(value, dict | list)]
    for _ in range(data.draw(st.integers(1, 3))):
        node, key = data.draw(st.sampled_from(places))
        node[key] = data.draw(BROKEN)
    survives(json.dumps(copy).encode())


@given(st.lists(st.sampled_from(["good", "broken", "blank", "other"]), min_size=2, max_size=30))
@settings(max_examples=100, deadline=None)
def test_every_line_is_counted(kinds: list[str]) -> None:
    subject = {"identifier": {"system": "urn:oid:1.2.3", "value": "M1"}}
    said = {
        "good": json.dumps(
            {"resourceType": "Observation", "code": {"text": "x"}, "valueInteger": 1, "subject": subject}
        ),
        "broken": '{"resourceType": "Observation", "code": ',
        "blank": "  ",
        "other": '{"resourceType": "Claim"}',
    }
    found = survives("".join(said[kind] + "\n" for kind in ["other", *kinds, "good"]).encode())
    assert found is not None
    assert found.records == 2 + len(kinds) - kinds.count("blank")
    assert len(found.rows["exam"]) == 1 + kinds.count("good")
    assert list(found.bad.values()).count("bad_json") == kinds.count("broken")


@given(st.sampled_from(['{"resourceType":"%s"}', '{"resourceType":"Patient","gender":["%s"]}', "%s", '{"%s":1}']))
def test_no_value_is_ever_said(form: str) -> None:
    """Reasons and what is expected name elements and types; a value could be somebody's name."""
    for type_ in (fhir_types.Kind, fhir_types.Resource, fhir_types.Bundle):
        with suppress(StopIteration):
            error = next(_errors(form % "张三", type_))
            assert "张三" not in "".join(fhir_cut.flaw(error))


def _errors(text: str, type_: Any) -> Iterator[Exception]:
    try:
        msgspec.json.decode(text, type=type_)
    except fhir_cut.BROKEN as error:
        yield error


@pytest.mark.parametrize("name", ["visits.ndjson", "questionnaire_by_loinc.json"])
def test_reading_twice_says_the_same(name: str) -> None:
    assert read(FIXTURES / name) == read(FIXTURES / name)
