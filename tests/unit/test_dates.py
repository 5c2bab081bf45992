"""Dates as exports write them; what could be two days is none."""

from __future__ import annotations

import datetime as dt

import pytest

from wellhouse.ingest.dates import parse_date

DAY = dt.date(2024, 3, 5)


@pytest.mark.parametrize(
    "text",
    ["2024-3-5", "2024-03-05", "2024/03/05", "2024.3.5", "20240305", "2024年3月5日", "2024年03月05日",
     "２０２４－０３－０５", "45356",
     "45356.0", "45356.354", "'2024-03-05", "2024-03-05 08:30", "2024-03-05T08:30:00", "2024-03-05T08:30:00.000+08:00",
     "2024-03-05T08:30:00Z", "2024/3/5 8:30:00", "2024年3月5日 8时30分", "2024年3月5日8:30",
     "2024-03-05 上午 08:30", "20240305083000",
     "202403050830", "20240305.0", "2024-03-05 08:30:00 AM", "2024-3-5 星期二", "2024年3月5日（星期二）",
     "2024年 3月 5日", "2024 年 3 月 5 日 08:30", "20240305 08:30", "20240305T08:30:00+08:00", "2024-03-05\u200b"],
)  # fmt: skip
def test_spellings_of_one_day(text: str) -> None:
    assert parse_date(text) == DAY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3/5/2024",
        "05-03-24",
        "2024-13-01",
        "2024-02-30",
        "2024年3月",
        "2024",
        "45356000",
        "today",
        "2024-3-5-6",
        "00000000",
    ],
)
def test_what_could_be_another_day_is_no_date(text: str) -> None:
    assert parse_date(text) is None


def test_a_format_of_the_mapping_says_which_day_it_is() -> None:
    assert parse_date("05/03/2024", ("%d/%m/%Y",)) == DAY
    assert parse_date("05/03/2024", ("%m/%d/%Y",)) == dt.date(2024, 5, 3)
    assert parse_date("5-Mar-2024", ("%d-%b-%Y",)) == DAY
    assert parse_date("2024-03-05", ("%d/%m/%Y",)) == DAY


@pytest.mark.parametrize(
    ("text", "day"),
    [("2024-03-04T16:00:00.000Z", 5), ("2024-03-04T15:59:59Z", 4), ("2024-03-05T00:00:00Z", 5),
     ("2024-03-04T16:00:00+00:00", 5), ("2024-03-04T23:00:00-05:00", 4), ("2024-03-05T00:30:00+08:00", 5)],
)  # fmt: skip
def test_a_time_in_utc_is_a_day_at_the_centre_and_other_clocks_stand(text: str, day: int) -> None:
    assert parse_date(text) == dt.date(2024, 3, day)


def test_midnight_of_a_summer_with_daylight_saving_time_is_that_day() -> None:
    assert parse_date("1988-07-01T15:00:00.000Z") == dt.date(1988, 7, 2)
