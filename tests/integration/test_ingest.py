"""Files in, rows out: every record counted once, whatever happens to the loader."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fixtures.loads import leaving_no_rows
from wellhouse.errors import WellhouseError
from wellhouse.ingest import mapping, sniff
from wellhouse.ingest.file import Ingest
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings

OBSERVATIONS = 200_000
REAL = {
    "nhanes/nhanes_2017_2018_wide.csv.gz": ("nhanes_2017_2018", 9254),
    "nhanes/nhanes_2003_2004_mortality_cohort.csv.gz": ("nhanes_2003_2004", 10122),
    "survival/framingham_teaching.csv.gz": ("framingham", 6914),
}
HEADER = "体检编号,姓名,性别,出生日期,身份证号,体检日期,收缩压(mmHg),空腹血糖(mmol/L)\n"
PERSON = "张三,女,1949-12-31,11010519491231002X"  # the number is the example of GB 11643-1999


def ingest(*arguments: str | Path) -> dict[str, Any]:
    done = subprocess.run(["wellhouse", "ingest", *map(str, arguments), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)) | {"said": done.stderr}


def one(arguments: tuple[str | Path, ...]) -> dict[str, Any]:
    answer = ingest(*arguments)
    (file,) = answer["files"]
    for counts in (file, file["observations"]):
        assert counts["read"] == counts["loaded"] + counts["quarantined"] + counts["duplicate"]
    return dict(file) | {"said": answer["said"]}


@pytest.fixture
def server(stack: Settings) -> psycopg.Connection:
    return administrator(stack, stack.database)


@pytest.fixture(scope="module", autouse=True)
def _leave_no_rows(stack: Settings) -> Iterator[None]:
    with leaving_no_rows(stack):
        yield


def fingerprint(server: psycopg.Connection, sha256: str) -> tuple[Any, ...]:
    """Rows and a hash of what a load landed, without what depends on the load or the site."""
    row = server.execute(
        """select count(*), md5(string_agg(o::text, '|' order by row_number, indicator_code)) from (
               select row_number, indicator_code, value_raw, unit_raw, comparator, value, value_text, unit
               from landing.observation where load_id = (select load_id from ops.load where sha256 = %s)) o""",
        (sha256,),
    ).fetchone()
    assert row is not None
    return tuple(row)


@pytest.fixture(scope="module")
def bench_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "long.csv"
    subprocess.run(
        ["wellhouse", "sample", "--bench", str(OBSERVATIONS), "--layout", "long", "--output", str(path)], check=True
    )
    return path


def test_a_killed_loader_and_a_retry_are_a_clean_run(
    stack: Settings, server: psycopg.Connection, bench_file: Path
) -> None:
    arguments = [str(bench_file), "--source", "exam", "--site", "killed"]
    loader = subprocess.Popen(["wellhouse", "ingest", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # in mid-file: rows are on their way, the ledger's row is not committed
        if server.execute("select 1 from pg_stat_progress_copy where tuples_processed > 0").fetchone():
            break
        assert loader.poll() is None, "the loader ended before it could be killed"
        time.sleep(0.002)
    loader.send_signal(signal.SIGKILL)
    loader.wait()
    assert server.execute("select count(*) from ops.load where site = 'killed'").fetchone() == (0,)
    retried = one((*arguments,))
    copy = bench_file.with_name("clean.csv.gz")
    copy.write_bytes(gzip.compress(bench_file.read_bytes(), 1))
    clean = one((copy, "--source", "exam", "--site", "clean"))
    assert retried["observations"] == clean["observations"]
    assert fingerprint(server, retried["sha256"]) == fingerprint(server, clean["sha256"])
    assert fingerprint(server, clean["sha256"])[0] == OBSERVATIONS
    again = one((copy, "--source", "exam", "--site", "clean"))
    assert (again["status"], again["loaded"], again["duplicate"]) == ("duplicate", 0, OBSERVATIONS)


def test_of_two_loaders_of_one_file_one_wins(stack: Settings, tmp_path: Path, bench_file: Path) -> None:
    # a short file of the same shape: two loaders need not take long to meet
    short = tmp_path / "short.csv"
    short.write_text("".join(bench_file.read_text(encoding="utf-8-sig").splitlines(True)[:20_001]), encoding="utf-8")
    found: list[dict[str, Any]] = []
    loaders = [
        threading.Thread(target=lambda: found.append(one((short, "--source", "exam", "--site", "two"))))
        for _ in range(2)
    ]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    assert sorted((f["status"], f["loaded"], f["duplicate"]) for f in found) == [
        ("duplicate", 0, 20_000),
        ("loaded", 20_000, 0),
    ]


@pytest.mark.parametrize("name", REAL)
def test_a_real_file_loads_once(stack: Settings, shared_data: Path, name: str) -> None:
    reads, rows = REAL[name]
    arguments = (shared_data / name, "--mapping", PROJECT_ROOT / "mappings" / f"{reads}.yaml")
    first, second = one(arguments), one(arguments)
    assert first["read"] == rows == first["loaded"] + first["quarantined"]
    assert (second["status"], second["read"], second["loaded"], second["duplicate"]) == ("duplicate", rows, 0, rows)


@pytest.mark.parametrize(
    ("defect", "content", "reason", "counts"),
    [
        ("empty", b"", "empty_file", (0, 0, 0)),
        ("garbage", bytes(range(256)) * 4000, "not_text", (1, 0, 1)),
        ("missing_column", "姓名,收缩压(mmHg)\n张三,120\n李四,130\n".encode(), "missing_column", (2, 0, 2)),
        ("duplicate_header", (HEADER.strip() + ",收缩压(mmHg)\n" + f"d1,{PERSON},2024-03-05,120,5.1,121\n").encode(),
         "duplicate_header", (1, 0, 1)),
        ("bad_check_digit", (HEADER + f"c1,{PERSON[:-1]}1,2024-03-05,120,5.1\n").encode(), "id_check_digit", (1, 0, 1)),
        ("truncated_gzip", gzip.compress((HEADER + f"t1,{PERSON},2024-03-05,120,5.1\n" * 500).encode())[:-20],
         "truncated_gzip", None),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_counted(
    stack: Settings, tmp_path: Path, defect: str, content: bytes, reason: str, counts: tuple[int, int, int] | None
) -> None:
    path = tmp_path / f"{defect}.csv{'.gz' if defect == 'truncated_gzip' else ''}"
    path.write_bytes(content)
    file = one((path, "--source", "exam", "--site", "bad"))
    assert reason in file["said"]
    assert file["loaded"] == 0
    if counts:
        assert (file["read"], file["loaded"], file["quarantined"]) == counts
    for personal in ("张三", PERSON[-18:], PERSON[-18:-1]):
        assert personal not in file["said"]


@pytest.mark.parametrize(
    ("defect", "header", "cell", "reason"),
    [
        ("impossible_value", HEADER, "999", "impossible_value"),
        ("unknown_unit", HEADER.replace("mmHg", "furlong"), "120", "unknown_unit"),
        ("unknown_indicator", HEADER.replace("收缩压", "不知何物"), "120", "unknown_indicator"),
        ("not_a_number", HEADER, "高得很", "not_a_number"),
    ],
)
def test_a_bad_cell_is_set_aside_and_its_row_loads(
    stack: Settings, server: psycopg.Connection, tmp_path: Path, defect: str, header: str, cell: str, reason: str
) -> None:
    path = tmp_path / f"{defect}.csv"
    path.write_text(header + f"{defect},{PERSON},2024-03-05,{cell},5.1\n", encoding="gb18030")
    file = one((path, "--source", "exam", "--site", "cells"))
    assert (file["read"], file["loaded"]) == (1, 1)
    assert file["observations"] == {"read": 2, "loaded": 1, "quarantined": 1, "duplicate": 0}
    assert reason in file["said"]
    assert cell not in file["said"].replace(path.name, "")
    noted = server.execute(
        "select reason from quarantine.record where load_id = (select load_id from ops.load where sha256 = %s)",
        (file["sha256"],),
    ).fetchall()
    assert noted == [(reason,)]


def test_a_file_leaves_the_inbox_when_it_has_landed(stack: Settings, tmp_path: Path) -> None:
    folder = stack.inbox / "cells" / "exam"
    folder.mkdir(parents=True)
    file = folder / "one.csv"
    file.write_text(HEADER + f"inbox,{PERSON},2024-05-05,121,5.2\n", encoding="utf-8")
    try:
        assert ingest(folder)["totals"]["loaded"] == 1
        assert not file.exists()
    finally:
        shutil.rmtree(stack.inbox / "cells", ignore_errors=True)


def test_a_refused_record_is_listed_and_shown_as_it_came(
    stack: Settings, server: psycopg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "shown.csv"
    record = f"shown,{PERSON},2024-03-06,998,5.1\n".encode("gb18030")
    path.write_bytes(HEADER.encode("gb18030") + record)
    sha256 = one((path, "--source", "exam", "--site", "cells"))["sha256"]
    row = server.execute("select load_id from ops.load where sha256 = %s", (sha256,)).fetchone()
    assert row is not None
    listed = subprocess.run(
        ["wellhouse", "quarantine", "list", "--load", str(row[0]), "--json"], capture_output=True, check=True
    )
    (refused,) = json.loads(listed.stdout)["rows"]
    assert (refused["row"], refused["field"], refused["reason"]) == (1, "收缩压(mmHg)", "impossible_value")
    audited = server.execute("select count(*) from audit.event").fetchone()
    command = ["wellhouse", "quarantine", "show", str(row[0]), "1", "--purpose", "a test"]
    shown = subprocess.run(command, capture_output=True, check=True)
    assert shown.stdout == record
    after = server.execute("select action, path, rows from audit.event order by event_id desc limit 1").fetchone()
    assert audited is not None
    assert server.execute("select count(*) from audit.event").fetchone() == (audited[0] + 1,)
    assert after == ("read", "quarantine", 1)


def test_a_file_that_grows_after_it_was_hashed_is_not_loaded(
    stack: Settings, server: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger's hash is of the rows that landed, or nothing lands."""
    path = tmp_path / "growing.csv"
    path.write_text(HEADER + f"grow1,{PERSON},2024-03-07,120,5.1\n", encoding="utf-8")
    hashed = sniff.digest

    def hash_then_grow(file: Path) -> str:
        found = hashed(file)
        with file.open("a", encoding="utf-8") as more:
            more.write(f"grow2,{PERSON},2024-03-08,121,5.2\n")
        return found

    monkeypatch.setattr(sniff, "digest", hash_then_grow)
    with Ingest(stack) as loader, pytest.raises(WellhouseError, match="changed while it was read"):
        loader.load(path, mapping.read(PROJECT_ROOT / "mappings" / "exam.yaml"), "cells")
    assert server.execute("select count(*) from ops.load where file_name = 'growing.csv'").fetchone() == (0,)


def test_two_columns_of_one_indicator_are_never_two_results(tmp_path: Path, server: psycopg.Connection) -> None:
    path = tmp_path / "pair.csv"
    rows = "".join(f"q{i},{PERSON},2024-03-0{i},120,{other}\n" for i, other in ((1, 121), (2, 120), (3, "")))
    path.write_text(HEADER.replace("空腹血糖(mmol/L)", "高压(mmHg)") + rows, encoding="utf-8")
    file = one((path, "--site", "pairs", "--source", "exam"))
    counts = {"read": 5, "loaded": 3, "quarantined": 1, "duplicate": 1}
    assert (file["loaded"], file["observations"]) == (3, counts)
    assert "row 1, field SBP: conflicting_value" in file["said"]
    assert fingerprint(server, file["sha256"])[0] == 3
