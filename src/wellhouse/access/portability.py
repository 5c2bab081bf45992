"""The package a person may ask for: everything that is known of them, as FHIR, as CSV of every table, as it came."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from wellhouse import audit, db
from wellhouse.access import fhir_bundle
from wellhouse.access.tables import Walk
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.recordings import Store
from wellhouse.crypto.vault import Person, person_keys, reveal
from wellhouse.errors import WellhouseError
from wellhouse.landing import originals
from wellhouse.landing.shredding import persons_of
from wellhouse.settings import Settings

Files = Iterator[tuple[str, bytes]]
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection)."""
_SEEN = """
    select event_id, at, reader, action, path, purpose from audit.event
    where persons && %s::bigint[] order by event_id
"""


@dataclass(frozen=True)
class Package:
    """``rows``: per table, as many as the CSV has."""

    path: Path
    files: dict[str, str]
    rows: dict[str, int]


def export(of: Settings, person_key: int, path: Path, summary: bytes | None, who: str, purpose: str) -> Package:
    """Write the package as a ZIP that only its owner may read; it appears complete or not at all.

    :param summary: the health summary's PDF; None: there is nothing to summarise
    :raises WellhouseError: no such person, they were erased, or the package would lie inside the installation
    """
    if path.resolve().is_relative_to(of.var):
        raise WellhouseError(f"a package in clear does not belong under {of.var}: write it elsewhere")
    with db.connect("wh_ingest", of) as connection:
        persons, _ = persons_of(connection, person_key)
    audit.record(of, who, action="export", path="subject", purpose=purpose, persons=persons, rows=1)
    sums: dict[str, str] = {}
    rows: dict[str, int] = {}
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
                for name, content in _files(of, persons, summary, rows):
                    package.writestr(name, content)
                    sums[name] = hashlib.sha256(content).hexdigest()
                manifest = {"person_key": persons[0], "merged": persons[1:], "rows": rows, "sha256": sums}
                package.writestr("manifest.json", json.dumps(manifest, indent=2))
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise WellhouseError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return Package(path, sums, rows)


def _files(of: Settings, persons: list[int], summary: bytes | None, rows: dict[str, int]) -> Files:
    with Keyring.open(of) as keyring, db.connect("wh_ingest", of) as connection:
        identity = [reveal(connection, keyring, person) for person in persons]
        yield "identity.json", _json(identity)
        if summary is not None:
            yield "summary.pdf", summary
        whole = {name: text for document in reversed(identity) for name, text in document.items()}
        yield "fhir_bundle.json", _bundle(of, persons, whole)
        with Walk(of) as walk:
            for table in walk.tables():
                columns, found = walk.rows(table, persons)
                text, rows[str(table)] = _csv(columns, found)
                yield f"tables/{table}.csv", text
        with db.connect("wh_ops", of) as auditor:
            seen = auditor.execute(_SEEN, (persons,))
            text, rows["audit.event"] = _csv([c.name for c in seen.description or ()], iter(seen))
            yield "tables/audit.event.csv", text
        yield from _originals(connection, keyring, persons)
        yield from _recordings(of, connection, keyring, persons)


def _bundle(of: Settings, persons: list[int], identity: dict[str, str]) -> bytes:
    with db.connect("wh_transform", of) as reader:
        try:
            return _json(fhir_bundle.bundle(reader, persons, identity, dt.datetime.now(dt.UTC)))
        except psycopg.errors.UndefinedTable:
            raise WellhouseError(
                "no mart is built yet, and the export is made from them: `make up` builds them"
            ) from None


def _originals(connection: Any, keyring: Keyring, persons: list[int]) -> Files:
    """The records as they came, byte for byte."""
    own = connection.execute(
        "select load_id, array_agg(row_first order by row_first) from landing.original "
        "where person_key = any(%s) group by 1 order by 1",
        (persons,),
    ).fetchall()
    for load_id, firsts in own:
        for first, last, data in originals.read(connection, keyring, load_id, firsts):
            if first in firsts:
                yield f"originals/load_{load_id}_row_{first}_to_{last}.bin", data


def _recordings(of: Settings, connection: Any, keyring: Keyring, persons: list[int]) -> Files:
    found = connection.execute(
        """select distinct on (r.recording_key) r.recording_key, r.media_type, k.object, k.sealed_key, k.person_key
           from landing.call_recording r join vault.audio_key k using (object) where r.person_key = any(%s)
           order by r.recording_key, r.load_id desc""",
        (persons,),
    ).fetchall()
    keys = person_keys(connection, keyring, [row[4] for row in found])
    for recording, kind, name, sealed_key, owner in found:
        audio = Store(of).read(name, bytes(sealed_key), Person(owner, *keys[owner]))
        yield f"recordings/{recording}.{kind}", b"".join(audio)


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2, default=str).encode()


def _csv(columns: list[str], rows: Iterator[tuple[Any, ...]]) -> tuple[bytes, int]:
    """UTF-8 with its mark; a text that a spreadsheet would run begins with an apostrophe; sealed bytes are left out."""
    out, count = io.StringIO(), 0
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        count += 1
    return out.getvalue().encode("utf-8-sig"), count


def _cell(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return "(sealed)"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and value.lstrip(" ").startswith(_RUNS):
        return f"'{value}"
    return value
