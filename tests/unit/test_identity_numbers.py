"""Identity numbers are checked and never repaired by guessing (GB 11643-1999)."""

from __future__ import annotations

import pytest

from wellhouse.ingest.identity import Rejected, check_digit, is_rounded, names_nobody, parse_id, parse_mrn, parse_phone

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


@pytest.mark.parametrize("damaged", ["440106199001011000.0", "4.40106199001011e+17", "440106199001011000"])
def test_trailing_zeros_of_a_spreadsheet_are_no_number(damaged: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_id(damaged)
    assert refused.value.reason == "id_damaged"


@pytest.mark.parametrize(
    "written",
    ["13800138000", "13800138000.0", "1.3800138E+10", "1.3800138000e10", "+86 138 0013 8000", "１３８００１３８０００",
     "'138-0013-8000", "86-13800138000"],
)  # fmt: skip
def test_a_phone_number_is_one_however_a_spreadsheet_wrote_it(written: str) -> None:
    assert parse_phone(written) == "13800138000"


@pytest.mark.parametrize("damaged", ["1.38E+10", "1.3800E+10", ""])
def test_a_phone_number_that_lost_digits_is_not_kept(damaged: str) -> None:
    assert parse_phone(damaged) == ""


def test_other_phone_numbers_are_kept_as_they_came() -> None:
    assert parse_phone("020-8123 4567转8") == "020-81234567转8"


def resident(first17: str) -> str:
    return first17 + check_digit(first17)


@pytest.mark.parametrize("province", ["81", "82", "83", "11", "91"])
def test_residents_of_hong_kong_macau_taiwan_and_foreigners_have_such_numbers_too(province: str) -> None:
    found = parse_id(resident(f"{province}000019900101001"))
    assert (found.identifier_type, found.sex) == ("id_number", "male")


def test_a_province_that_there_is_not_is_refused() -> None:
    with pytest.raises(Rejected):
        parse_id(resident("99010119900101001"))


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("E12345678", None, "E12345678"),
        ("ｅ１２３４５６７８", "passport", "E12345678"),
        ("C01X00T47", "passport", "C01X00T47"),
        ("H12345678", None, "H12345678"),
        ("12345678", "permit", "12345678"),
        ("R123456(7)", "permit", "R1234567"),
        ("USA123456789012", None, "USA123456789012"),
        ("军字第1234567号", "military", "军字第1234567号"),
    ],
)
def test_documents_without_a_check_digit(text: str, kind: str | None, number: str) -> None:
    assert parse_id(text, kind).number == number


@pytest.mark.parametrize(
    ("text", "kind"),
    [(VALID, "passport"), ("E12345678", "id_number"), ("12345678", None), ("20240305", None), ("ABCDEFG", "passport")],
)
def test_what_its_type_does_not_allow_is_refused(text: str, kind: str | None) -> None:
    with pytest.raises(Rejected):
        parse_id(text, kind)


@pytest.mark.parametrize("text", ["无", "０００", "n/a", "--", "未提供", "111111111111111", "NULL", "?"])
def test_what_says_that_there_is_no_number_is_nobodys(text: str) -> None:
    assert names_nobody(text)


@pytest.mark.parametrize("text", [VALID, "1", "11111", "A0", "10"])
def test_a_number_is_somebodys(text: str) -> None:
    assert not names_nobody(text)


@pytest.mark.parametrize("letter", "HMC")
def test_a_permit_is_the_same_whether_its_type_is_said_or_not(letter: str) -> None:
    assert parse_id(f"{letter}12345678") == parse_id(f"{letter}12345678", "permit")


@pytest.mark.parametrize("spelling", [f"{VALID}\u200b", f"\ufeff{VALID}", f"\u202d{VALID}\u202c"])
def test_invisible_characters_are_no_part_of_a_number(spelling: str) -> None:
    assert parse_id(spelling).number == VALID


@pytest.mark.parametrize("text", ["123", "123.0", "123.00", "\u202d123"])
def test_a_record_number_is_one_however_a_spreadsheet_wrote_it(text: str) -> None:
    assert parse_mrn(text) == "123"


def test_a_rounded_number_that_is_right_by_chance_is_doubted_beside_others() -> None:
    by_chance = next(
        n
        for d in range(100, 400)
        if check_digit((n := f"1101051949{d:04}1000")[:17]) == "0" and d % 100 in range(1, 29)
    )
    assert parse_id(by_chance).number == by_chance
    with pytest.raises(Rejected) as refused:
        parse_id(by_chance, doubted=True)
    assert refused.value.reason == "id_damaged"
    assert is_rounded("110105194912310000")
    assert not is_rounded(by_chance)
