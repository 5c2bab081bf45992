"""Fields of service records that are neither plain numbers nor words."""

from __future__ import annotations

import pytest

from wellhouse.ingest.tabular import seconds


@pytest.mark.parametrize(
    "text", ["200", "200.0", "２００", "200秒", "200 s", "3分20秒", "3 min 20 s", "3:20", "03:20", "00:03:20",
             "0:03:20.2", "0小时3分钟20秒钟", "'200"]
)  # fmt: skip
def test_a_length_of_time_is_seconds_however_it_is_written(text: str) -> None:
    assert seconds(text) == 200


@pytest.mark.parametrize("text", ["", "-5", "3:", ":20", "1:2:3:4", "三分钟", "3-5", "99999999999", "abc", "3,20"])
def test_what_is_no_length_of_time_is_none(text: str) -> None:
    assert seconds(text) is None


def test_minutes_and_hours_alone() -> None:
    assert [seconds(text) for text in ("3分钟", "1小时", "1:00:00", "1,234")] == [180, 3600, 3600, 1234]
