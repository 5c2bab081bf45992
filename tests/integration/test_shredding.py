"""A person whose key is destroyed is unreadable everywhere, in copies made before, too; others are as they were."""

from __future__ import annotations

import json
import shutil
import subprocess
import wave
from pathlib import Path

import openpyxl

from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.recordings import Store
from wellhouse.crypto.vault import Person, person_keys, reveal
from wellhouse.errors import WellhouseError
from wellhouse.ingest.record import show
from wellhouse.landing import originals
from wellhouse.landing.shredding import shred
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

SITE = "shred"
HEADER = "体检编号,姓名,性别,出生日期,身份证号,体检日期,收缩压(mmHg)\n"
# persons of this test alone: those of the others are known to more loads
GONE, KEPT = "张三,女,1949-12-31,650101194912310820", "李四,男,1949-12-31,650101194912310935"


def ingest(path: Path, source: str) -> str:
    command = ["wellhouse", "ingest", str(path), "--source", source, "--site", SITE, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    assert file["loaded"] == file["read"], done.stderr
    return str(file["sha256"])


def refused(act: object) -> bool:
    try:
        act()  # type: ignore[operator]
    except WellhouseError:
        return True
    return False


def test_everything_of_a_person_is_unreadable(stack: Settings, tmp_path: Path) -> None:
    text = HEADER + f"s1,{GONE},2024-03-05,120\ns2,{KEPT},2024-03-05,130\n"
    (tmp_path / "exams.csv").write_text(text, encoding="utf-8")
    book = openpyxl.Workbook()
    for line in text.replace("s1", "b1").replace("s2", "b2").splitlines():
        book.active.append(line.split(","))
    book.save(tmp_path / "exams.xlsx")
    with wave.open(str(tmp_path / "call.wav"), "wb") as call:
        call.setparams((1, 2, 8000, 0, "NONE", ""))
        call.writeframes(b"spoken words " * 2000)
    number = GONE.rsplit(",", 1)[1]
    table = f"录音文件,身份证号,录音日期,同意(是/否)\ncall.wav,{number},2024-03-06,是\n"
    (tmp_path / "calls.csv").write_text(table, encoding="utf-8")
    hashes = [ingest(tmp_path / name, "exam") for name in ("exams.csv", "exams.xlsx")]
    hashes.append(ingest(tmp_path / "calls.csv", "call_recording"))

    with administrator(stack, stack.database) as server, db.connect("wh_ingest", stack) as connection:
        loads = dict(server.execute("select sha256, load_id from ops.load where site = %s", (SITE,)).fetchall())
        gone, kept = (
            int(row[0])
            for row in server.execute(
                "select person_key from landing.exam where load_id = %s order by row_number", (loads[hashes[0]],)
            )
        )
        audio = server.execute(
            "select object, sealed_key from vault.audio_key where person_key = %s", (gone,)
        ).fetchone()
        assert audio is not None
        with Keyring.open(stack) as keyring:
            assert reveal(connection, keyring, gone)["name"] == "张三"
            assert b"".join(Store(stack).read(*audio, Person(gone, *person_keys(connection, keyring, [gone])[gone])))
        # a backup of the database and of the store, made before
        server.execute("create table vault.backup_person as select * from vault.person where person_key = %s", (gone,))
        server.execute(
            "create table vault.backup_original as select * from landing.original where person_key = %s", (gone,)
        )
        shutil.copytree(stack.var / "recordings", tmp_path / "recordings")
        connection.commit()

        done = shred(stack, gone, "a test")
        assert (done.persons, done.keys, done.recordings, done.files) == ((gone,), 1, 1, 1)
        assert done.originals == 3

        with Keyring.open(stack) as keyring:
            assert refused(lambda: reveal(connection, keyring, gone))
            assert reveal(connection, keyring, kept)["name"] == "李四"
            assert refused(lambda: show(stack, loads[hashes[0]], 1, "a test"))
            assert "李四".encode() in show(stack, loads[hashes[0]], 2, "a test")
            assert "李四".encode() in show(stack, loads[hashes[1]], 2, "a test")
            server.execute("insert into vault.person select * from vault.backup_person")
            server.execute("insert into landing.original select * from vault.backup_original")
            shutil.copytree(tmp_path / "recordings", stack.var / "recordings", dirs_exist_ok=True)
            assert refused(lambda: reveal(connection, keyring, gone)), "the backup does not bring it back"
            assert person_keys(connection, keyring, [gone]) == {}
            for load in loads.values():
                assert not any("张三".encode() in data for _, _, data in originals.read(connection, keyring, load))
        assert server.execute(
            "select count(*) from audit.event where action = 'shred' and persons = array[%s]::bigint[]", (gone,)
        ).fetchone() == (1,)
        server.execute("drop table vault.backup_person")
        server.execute("drop table vault.backup_original")
        server.execute("delete from vault.person where person_key = %s", (gone,))
        for name in ("exam", "observation", "person", "original", "call_recording"):
            server.execute(f"delete from landing.{name} where load_id = any(%s)", (list(loads.values()),))  # noqa: S608
        server.execute("delete from ops.load where site = %s", (SITE,))
