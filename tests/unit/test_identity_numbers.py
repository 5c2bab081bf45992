"""Identity numbers are checked and never repaired by guessing (GB 11643-1999)."""

from __future__ import annotations

import pytest

from wellhouse.ingest.identity import Rejected, check_digit, parse_id

# the standard's own examples
VALID = "11010519491231002X"


def test_the_standards_example_is_accepted_with_its_birth_date_and_sex() -> None:
    found = parse_id(VALID)
    assert (found.number, found.sex, str(found.birth_date)) == (VALID, "female", "1949-12-31")


@pytest.mark.parametrize(
    "spelling",
    ["11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ", "'11010519491231002X", " 11010519491231002X "],
)
def test_spellings_of_one_number_are_one_number(spelling: str) -> None:
    assert parse_id(spelling).number == VALID


def test_fifteen_digits_become_the_eighteen_of_the_same_person() -> None:
    assert parse_id("110105491231002").number == VALID


@pytest.mark.parametrize("wrong", [d for d in "0123456789" if d != check_digit(VALID[:17])])
def test_every_other_check_digit_is_refused(wrong: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_id(VALID[:17] + wrong)
    assert refused.value.reason == "id_check_digit"
    assert VALID[:17] not in refused.value.expected


@pytest.mark.parametrize("damaged", ["4.40106E+17", "110105194912310000.0"])
def test_what_a_spreadsheet_damaged_is_refused(damaged: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_id(damaged)
    assert refused.value.reason == "id_damaged"
