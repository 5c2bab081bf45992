"""Benchmark files: exactly as many observations as asked, of people whose ID numbers are valid."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import pytest

from wellhouse.ingest import identity
from wellhouse.sample import bench, generate, recordings


@pytest.mark.parametrize("observations", [1, 42, 1000, 2531])
def test_a_wide_file_holds_what_was_asked(observations: int, tmp_path: Path) -> None:
    rows, persons = bench.write(observations, "wide", 3, tmp_path / "wide.csv")
    with (tmp_path / "wide.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == rows
    assert sum(1 for row in read for h, cell in list(row.items())[10:] if cell) == observations
    assert len({identity.parse_id(row["身份证号"]).number for row in read}) <= persons
    assert len({row["体检编号"] for row in read}) == rows


@pytest.mark.parametrize("observations", [1, 1000, 2531])
def test_a_long_file_holds_what_was_asked(observations: int, tmp_path: Path) -> None:
    rows, _ = bench.write(observations, "long", 3, tmp_path / "long.csv")
    with (tmp_path / "long.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert rows == len(read) == observations
    assert all(row["结果"] for row in read)
    assert len({(row["登记号"], row["项目名称"]) for row in read}) == rows
    identity.parse_id(read[-1]["证件号码"])


def test_people_of_a_small_file_are_the_first_of_a_large_one(tmp_path: Path) -> None:
    """Two files of one seed never give one ID number to two people."""
    found = []
    for observations in (2000, 20_000):
        bench.write(observations, "long", 3, tmp_path / "long.csv")
        with (tmp_path / "long.csv").open(encoding="utf-8", newline="") as file:
            found.append({row["证件号码"]: row["姓名"] for row in csv.DictReader(file)})
    assert found[0].items() <= found[1].items()


def test_recordings_are_written_only_where_they_are_asked_for(tmp_path: Path) -> None:
    files = generate.population(80, 2, 5)
    made = recordings.write(files, tmp_path, generate.stream(5, "recordings"))
    sounds = sorted(tmp_path.rglob("*.wav"))
    listed = [row for table in tmp_path.rglob("*.csv") for row in csv.DictReader(table.open(encoding="utf-8"))]
    assert made == len(sounds) == len(listed) > 0
    assert {row["录音文件"] for row in listed} == {path.name for path in sounds}
    with wave.open(str(sounds[0])) as sound:
        assert sound.getnframes() == recordings.RATE_HZ * recordings.SECONDS
