"""Whom a record is about: a golden set of how names and numbers are really written, with 0 false merges."""

from __future__ import annotations

import csv
import json
import subprocess
import wave
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.recordings import Store
from wellhouse.crypto.vault import Person as VaultPerson
from wellhouse.crypto.vault import person_keys, reveal
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.sample import id_numbers, names
from wellhouse.settings import Settings

SITES = ("golden", "golden2")
HEADER = (
    "体检编号",
    "姓名",
    "性别",
    "出生日期",
    "证件类型",
    "证件号码",
    "档案号",
    "手机号",
    "体检日期",
    "收缩压(mmHg)",
)
PEOPLE = 600
WIDE = str.maketrans("0123456789X", "０１２３４５６７８９ｘ")


@dataclass
class Someone:
    number: int
    name: str
    sex: str
    birth: str
    id_number: str

    @property
    def mrn(self) -> str:
        return f"G{self.number:06d}"


@dataclass
class Row:
    """``who``: the person it is about; ``linked``: the loader is to know it, else to refuse it."""

    who: int
    cells: dict[str, str]
    linked: bool = True


@pytest.fixture(scope="module", autouse=True)
def _leave_no_rows(stack: Settings) -> Iterator[None]:
    yield
    with administrator(stack, stack.database) as server:
        loads = "(select load_id from ops.load where site like 'golden%')"
        for (table,) in server.execute(
            "select relname from pg_class where relnamespace = 'landing'::regnamespace and relkind = 'r'"
        ).fetchall():
            server.execute(f"delete from landing.{table} where load_id in {loads}")  # noqa: S608
        server.execute("delete from ops.load where site like 'golden%'")


def population(rng: np.random.Generator) -> list[Someone]:
    """People, every third of whom has a twin: the same day, district and sex, the next number, a similar name."""
    male = rng.random(PEOPLE) < 0.5
    birth = np.datetime64("1940-01-01") + rng.integers(0, 60 * 365, PEOPLE).astype("timedelta64[D]")
    first17 = id_numbers.draw(birth, male, rng, np.empty(0, np.int64))
    given = names.full_names(male, rng)
    for i in range(0, PEOPLE - 1, 3):
        male[i + 1], birth[i + 1], first17[i + 1] = (
            male[i],
            birth[i],
            first17[i] + (2 if first17[i] % 1000 < 998 else -2),
        )
        given[i + 1] = given[i][:-1] + ("华" if given[i][-1] != "华" else "丽")
    kept = np.unique(first17, return_index=True)[1]
    numbers = id_numbers.written(first17)
    return [
        Someone(i, given[i], "男" if male[i] else "女", str(birth[i]), numbers[i]) for i in sorted(kept.tolist())
    ]  # fmt: skip


def rows(people: list[Someone], rng: np.random.Generator) -> list[Row]:
    made: list[Row] = []

    def say(who: Someone, linked: bool = True, **cells: str) -> None:
        told = {"姓名": who.name, "性别": who.sex, "出生日期": who.birth, "手机号": "13800138000"} | cells
        made.append(Row(who.number, told, linked))

    for place, who in enumerate(people):
        other = people[(place + 1) % len(people)]
        number = who.id_number
        say(who, 证件号码=number, 档案号=who.mrn)
        say(who, 证件号码=number.translate(WIDE), 证件类型="居民身份证", 姓名=" ".join(who.name))
        say(who, 证件号码=f"'{number.lower()}", 出生日期="", 性别="")
        say(who, 档案号=who.mrn, 姓名=who.name[0] + "*" * (len(who.name) - 1), 出生日期="")
        if number[6:8] == "19":
            say(who, 证件号码=number[:6] + number[8:17])
            # one digit of fifteen mistyped is another valid number: the birth date or the name tell
            say(other, linked=False, 证件号码=number[:6] + number[8:17])
        at = int(rng.integers(6, 16))
        if number[at] != number[at + 1]:
            say(who, linked=False, 证件号码=number[:at] + number[at + 1] + number[at] + number[at + 2 :], 出生日期="")
        digit = str((int(number[at]) + int(rng.integers(1, 10))) % 10)
        say(who, linked=False, 证件号码=number[:at] + digit + number[at + 1 :], 出生日期="")
        say(other, linked=False, 证件号码=number, 出生日期="", 性别="")
        say(other, linked=False, 档案号=who.mrn, 出生日期="", 性别="")
        say(who, linked=False, 证件号码="无", 档案号="0000")
    for place in range(0, len(people) - 1, 2):
        # two countries gave out one number, and the file does not say which
        one, two = people[place], people[place + 1]
        passport = f"P{place:07d}"
        say(one, 证件类型="护照", 证件号码=passport, 档案号=one.mrn)
        say(two, linked=False, 证件类型="护照", 证件号码=passport)
    return made


def write(path: Path, made: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, HEADER, restval="")
        table.writeheader()
        for number, row in enumerate(made):
            table.writerow(
                {"体检编号": f"{path.stem}{number}", "体检日期": "2024-03-05", "收缩压(mmHg)": "120"} | row.cells
            )


def ingest(path: Path, site: str) -> dict[str, Any]:
    done = subprocess.run(
        ["wellhouse", "ingest", str(path), "--source", "exam", "--site", site, "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    return dict(file)


def persons(server: psycopg.Connection, sha256: str) -> dict[int, int]:
    """Row → person of a load."""
    found = server.execute(
        """select row_number, person_key from landing.exam
           where load_id = (select load_id from ops.load where sha256 = %s)""",
        (sha256,),
    )
    return dict(found.fetchall())


def test_the_golden_set(stack: Settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(20240305)
    people = population(rng)
    made = rows(people, rng)
    first = [row for row in made if row.cells.get("证件号码") and row.cells.get("档案号", "0000") != "0000"]
    rest = [row for row in made if all(row is not f for f in first)]
    order = [rest[i] for i in rng.permutation(len(rest)).tolist()]
    keys: dict[int, set[int]] = defaultdict(set)
    owners: dict[int, set[int]] = defaultdict(set)
    refused = expected = 0
    with administrator(stack, stack.database) as server:
        for name, part in (("first", first), ("rest", order)):
            write(tmp_path / f"{name}.csv", part)
            file = ingest(tmp_path / f"{name}.csv", SITES[0])
            assert file["read"] == len(part)
            landed = persons(server, file["sha256"])
            for number, row in enumerate(part, 1):
                expected += not row.linked
                refused += number not in landed
                assert (number in landed) == row.linked or not row.linked
                if number in landed:
                    keys[row.who].add(landed[number])
                    owners[landed[number]].add(row.who)
    false_merges = {key for key, who in owners.items() if len(who) > 1}
    assert false_merges == set()
    assert {who for who, found in keys.items() if len(found) > 1} == set(), "one person is one key, however written"
    assert len(keys) == len(people)
    assert refused == expected, "what names another person is refused"


def say(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["wellhouse", "person", *arguments], capture_output=True, text=True)


def test_a_steward_joins_two_keys_and_parts_them_again(stack: Settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    one, two = population(rng)[:2]
    files = []
    cells = {"姓名": one.name, "性别": one.sex, "出生日期": one.birth}
    for place, (site, own) in enumerate(
        [(SITES[0], {"证件号码": "510104198001010017"[:6] + one.id_number[6:17]} | {"证件号码": one.id_number}),
         (SITES[1], {"档案号": "Z1"}), (SITES[1], {"档案号": "Z1"}), (SITES[0], {"证件号码": two.id_number})]
    ):  # fmt: skip
        path = tmp_path / f"merge{place}.csv"
        told = cells if place < 3 else {"姓名": two.name, "性别": two.sex, "出生日期": two.birth}
        write(path, [Row(0, told | own | {"体检编号": f"m{place}"})])
        files.append((path, site))
    with administrator(stack, stack.database) as server:

        def landed(place: int) -> int:
            return next(iter(persons(server, hashes[place]).values()))

        hashes = {place: ingest(*files[place])["sha256"] for place in (0, 1, 3)}
        kept, gone, other = (landed(place) for place in (0, 1, 3))
        assert len({kept, gone, other}) == 3
        assert say("merge", str(kept), str(other), "--purpose", "a test").returncode == 1
        assert "two people" in say("merge", str(kept), str(other), "--purpose", "a test").stderr

        joined = json.loads(say("merge", str(kept), str(gone), "--purpose", "the same card", "--json").stdout)
        assert joined["rows"] > 0
        assert landed(1) == kept
        hashes[2] = ingest(*files[2])["sha256"]
        assert landed(2) == kept, "what names the one is the other's from now on"
        assert say("merge", str(kept), str(gone), "--purpose", "again").returncode == 1
        assert server.execute(
            "select count(*) from audit.event where action = 'merge' and persons = array[%s, %s]::bigint[]",
            (kept, gone),
        ).fetchone() == (1,)

        parted = json.loads(say("unmerge", str(joined["merge_id"]), "--purpose", "two brothers", "--json").stdout)
        assert parted["unmerged_at"]
        assert [landed(place) for place in (0, 1, 2, 3)] == [kept, gone, gone, other]
        assert say("unmerge", str(joined["merge_id"]), "--purpose", "again").returncode == 1
        sealed_for = server.execute(
            """select array_agg(distinct o.person_key) from landing.original o join ops.load l using (load_id)
               where l.sha256 = any(%s) and o.person_key is not null""",
            ([hashes[1], hashes[2]],),
        ).fetchone()
        assert sealed_for == ([gone],), "what came while they were one is sealed for whom it is about"
        number = server.execute("select load_id from ops.load where sha256 = %s", (hashes[2],)).fetchone()
        assert number is not None
        shown = ["wellhouse", "record", "show", str(number[0]), "1", "--purpose", "a test"]
        assert subprocess.run(shown, capture_output=True, check=True).stdout in files[2][0].read_bytes()
        log = say("log", "--person", str(gone), "--json").stdout
        assert [(m["kept_key"], m["gone_key"], bool(m["unmerged_at"])) for m in json.loads(log)] == [(kept, gone, True)]
        assert one.name not in log
    with db.connect("wh_ingest", stack) as connection, Keyring.open(stack) as keyring:
        assert reveal(connection, keyring, gone)["mrn"] == "Z1"


def test_of_two_merges_of_a_person_the_later_is_parted_first(stack: Settings, tmp_path: Path) -> None:
    someone = population(np.random.default_rng(53))[0]
    told = {"姓名": someone.name, "性别": someone.sex, "出生日期": someone.birth}
    for number in ("L1", "L2", "L3"):
        write(tmp_path / f"{number}.csv", [Row(0, told | {"档案号": number, "体检编号": f"late{number}"})])
    hashes = [ingest(path, SITES[1])["sha256"] for path in sorted(tmp_path.glob("*.csv"))]
    with administrator(stack, stack.database) as server:
        keys = [persons(server, sha256)[1] for sha256 in hashes]
        first, second = (
            json.loads(say("merge", str(keys[kept]), str(keys[gone]), "--purpose", "x", "--json").stdout)["merge_id"]
            for kept, gone in ((0, 1), (2, 0))
        )
        assert f"merge {second} came later" in say("unmerge", str(first), "--purpose", "x").stderr
        assert [say("unmerge", str(merged), "--purpose", "x").returncode for merged in (second, first)] == [0, 0]
        assert [persons(server, sha256)[1] for sha256 in hashes] == keys


def test_a_record_without_a_number_is_known_again_merged_or_not(stack: Settings, tmp_path: Path) -> None:
    """The same exam in another file, before the merge, during it and after it: one exam, whoever it is about."""
    someone = population(np.random.default_rng(29))[0]
    told = {"姓名": someone.name, "性别": someone.sex, "出生日期": someone.birth, "体检编号": ""}
    named = {"card": told | {"证件号码": someone.id_number}, "number": told | {"档案号": "Z88"}}

    sent: list[str] = []

    def send(file: str) -> None:
        for site, own in ((SITES[0], "card"), (SITES[1], "number")):
            write(tmp_path / f"{own} {file}.csv", [Row(0, named[own] | {"手机号": f"1380013{len(file):04d}"})])
            sent.append(ingest(tmp_path / f"{own} {file}.csv", site)["sha256"])

    with administrator(stack, stack.database) as server:

        def exams() -> list[tuple[int, str, int]]:
            found = server.execute(
                """select e.person_key, e.site, count(*) from landing.exam e join ops.load l using (load_id)
                   where l.sha256 = any(%s) group by 1, 2 order by 2""",
                (sent,),
            )
            return found.fetchall()  # type: ignore[return-value]

        send("a")
        (kept, _, _), (gone, _, _) = exams()
        merged = json.loads(say("merge", str(kept), str(gone), "--purpose", "a test", "--json").stdout)
        send("bb")
        assert exams() == [(kept, SITES[0], 1), (kept, SITES[1], 1)]
        say("unmerge", str(merged["merge_id"]), "--purpose", "a test")
        send("ccc")
        assert exams() == [(kept, SITES[0], 1), (gone, SITES[1], 1)]


def test_a_record_without_a_number_is_one_under_both_identifiers_of_a_merge(stack: Settings, tmp_path: Path) -> None:
    """What came under the ID number comes again under the record number of the same person: nothing new."""
    someone = population(np.random.default_rng(31))[1]
    told = {
        "姓名": someone.name,
        "性别": someone.sex,
        "出生日期": someone.birth,
        "体检编号": "",
        "手机号": "13800138031",
    }
    card, number = told | {"证件号码": someone.id_number}, told | {"档案号": "Z90"}
    sent: list[str] = []

    def send(*records: dict[str, str]) -> tuple[int, int]:
        path = tmp_path / f"{len(sent)}.csv"
        write(path, [Row(0, record) for record in records])
        file = ingest(path, SITES[0])
        assert file["quarantined"] == 0
        sent.append(file["sha256"])
        return file["loaded"], file["duplicate"]

    with administrator(stack, stack.database) as server:

        def exams() -> list[tuple[str, int]]:
            found = server.execute(
                """select exam_date::text, count(distinct exam_key) from landing.exam join ops.load using (load_id)
                   where sha256 = any(%s) group by 1 order by 1""",
                (sent,),
            )
            return found.fetchall()

        assert send(card | {"体检日期": "2024-03-01"}) == (1, 0)
        assert send(number | {"体检日期": "2024-03-02"}) == (1, 0)
        (kept, gone) = (next(iter(persons(server, sha256).values())) for sha256 in sent)
        merged = json.loads(say("merge", str(kept), str(gone), "--purpose", "a test", "--json").stdout)
        assert send(number | {"体检日期": "2024-03-01", "手机号": "13800138032"}) == (0, 1)
        assert send(card | {"体检日期": "2024-03-02", "手机号": "13800138032"}) == (0, 1)
        assert send(*({**of, "体检日期": "2024-03-03"} for of in (card, number))) == (1, 1)
        assert exams() == [("2024-03-01", 1), ("2024-03-02", 1), ("2024-03-03", 1)]
        say("unmerge", str(merged["merge_id"]), "--purpose", "a test")
        assert exams() == [("2024-03-01", 2), ("2024-03-02", 2), ("2024-03-03", 2)]


def test_a_call_that_came_while_two_were_one_opens_for_whom_it_is_about(stack: Settings, tmp_path: Path) -> None:
    someone = population(np.random.default_rng(23))[3]
    told = {"姓名": someone.name, "性别": someone.sex, "出生日期": someone.birth}
    with administrator(stack, stack.database) as server:
        keys = []
        for name, site, own in (("r0", SITES[0], {"证件号码": someone.id_number}), ("r1", SITES[1], {"档案号": "Z77"})):
            write(tmp_path / f"{name}.csv", [Row(0, told | own)])
            keys.append(persons(server, ingest(tmp_path / f"{name}.csv", site)["sha256"])[1])
        kept, gone = keys
        merged = json.loads(say("merge", str(kept), str(gone), "--purpose", "a test", "--json").stdout)
        audio = tmp_path / "call.wav"
        with wave.open(str(audio), "wb") as call:
            call.setparams((1, 2, 8000, 0, "NONE", ""))
            call.writeframes(b"spoken words " * 2000)
        words = audio.read_bytes()
        (tmp_path / "calls.csv").write_text(
            "录音文件,档案号,录音日期,同意(是/否)\ncall.wav,Z77,2024-03-06,是\n", encoding="utf-8"
        )
        command = ["wellhouse", "ingest", str(tmp_path / "calls.csv"), "--source", "call_recording", "--site", SITES[1]]
        subprocess.run(command, check=True, capture_output=True)
        key = "select person_key from vault.audio_key where person_key = any(%s)"
        assert server.execute(key, (keys,)).fetchall() == [(kept,)]
        done = say("unmerge", str(merged["merge_id"]), "--purpose", "a test", "--json")
        assert done.returncode == 0, done.stderr
        parted = json.loads(done.stdout)
        assert parted["recordings"] == 1
        found = server.execute(
            "select object, sealed_key, person_key from vault.audio_key where person_key = any(%s)", (keys,)
        ).fetchone()
        assert found is not None
        assert found[2] == gone
        with db.connect("wh_ingest", stack) as connection, Keyring.open(stack) as keyring:
            opened = person_keys(connection, keyring, keys)
            assert b"".join(Store(stack).read(found[0], found[1], VaultPerson(gone, *opened[gone]))) == words
            with pytest.raises(WellhouseError):
                list(Store(stack).read(found[0], found[1], VaultPerson(kept, *opened[kept])))
        server.execute("delete from landing.call_recording where person_key = %s", (gone,))


def test_who_took_another_name_waits_until_a_steward_says_so(stack: Settings, tmp_path: Path) -> None:
    someone = population(np.random.default_rng(11))[2]
    told = {"证件号码": someone.id_number, "姓名": someone.name}
    with administrator(stack, stack.database) as server:
        write(tmp_path / "before.csv", [Row(0, told)])
        before = persons(server, ingest(tmp_path / "before.csv", SITES[1])["sha256"])
        write(tmp_path / "after.csv", [Row(0, told | {"姓名": "新" + someone.name})])
        file = ingest(tmp_path / "after.csv", SITES[1])
        assert (file["loaded"], file["quarantined"]) == (0, 1)
        assert say("correct", str(before[1]), "--fact", "blood_group", "--purpose", "x").returncode == 1
        assert say("correct", str(before[1]), "--fact", "name", "--purpose", "a new register entry").returncode == 0
        row = server.execute("select load_id from ops.load where sha256 = %s", (file["sha256"],)).fetchone()
        assert row is not None
        subprocess.run(["wellhouse", "quarantine", "release", str(row[0])], check=True, capture_output=True)
        assert persons(server, file["sha256"]) == before
