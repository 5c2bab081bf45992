"""One file from bytes to landed rows: sniff → mapping → blocks → columns → persons → tables → one transaction."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa

from wellhouse import db
from wellhouse.crypto import envelope
from wellhouse.crypto.keyring import SYSTEM, Keyring
from wellhouse.crypto.recordings import Store
from wellhouse.crypto.vault import Vault
from wellhouse.errors import WellhouseError
from wellhouse.files import spoken
from wellhouse.ingest import dictionary, formats, lifestyle, memory, pairs, sniff
from wellhouse.ingest.ahead import ahead
from wellhouse.ingest.batch import Batch, Ints, Layout
from wellhouse.ingest.formats import Also, Piece, Source
from wellhouse.ingest.header import Header
from wellhouse.ingest.known import Known
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.parts import Part
from wellhouse.ingest.recordings import Shelf
from wellhouse.ingest.rejects import Rejects, Summary
from wellhouse.ingest.sniff import Digest, Unreadable
from wellhouse.landing import duplicates
from wellhouse.landing.aliases import adopt
from wellhouse.landing.families import FAMILIES, OUTCOME, Family
from wellhouse.landing.ledger import Counts, Entry
from wellhouse.landing.load import Coming, Load
from wellhouse.landing.originals import Sealer
from wellhouse.landing.recordings import objects, recorded
from wellhouse.settings import Settings

_SEAL_BYTES = 4 << 20


@dataclass
class Result:
    """What became of a file.

    ``shown``: how messages call it; ``lines`` say what was not taken, for a reader; ``spent``: files that came with it.
    """

    path: Path
    entry: Entry
    seconds: float = 0.0
    shown: str = ""
    lines: list[str] = field(default_factory=list)
    spent: list[Path] = field(default_factory=list)


class Ingest:
    """Loads files one after the other; keeps what they share open."""

    def __init__(self, settings: Settings, run_id: str | None = None) -> None:
        memory.return_blocks()
        self.settings = settings
        self._run_id = run_id
        self.dictionary = dictionary.load(settings.root)
        self.keyring = Keyring.open(settings)
        self.connection: psycopg.Connection = db.connect("wh_ingest", settings)
        # whom a load names must last only if the load does: its commit comes later in the log and takes these with it
        self.connection.execute("set synchronous_commit = off")
        self.connection.commit()
        self.vault = Vault(self.connection, self.keyring)

    def __enter__(self) -> Ingest:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.keyring.close()

    def load(
        self, path: Path, mapping: Mapping, site: str, form: str = "auto", name: str | None = None,
        hashed: Digest | None = None,
    ) -> Result:  # fmt: skip
        """Land one file, or quarantine it as a whole; either way nothing of it is lost and it is counted.

        :param form: its format, found by its bytes when ``auto``
        :param name: what it is called, where that is not the path's name: a member of an archive
        :param hashed: its hash, where it was taken already
        :raises WellhouseError: the work itself failed, e.g. the file changed while it was read
        """
        started = time.monotonic()
        hashed = hashed or sniff.digest(path)
        form = formats.detect(path) if form == "auto" else form
        entry = self._entry(hashed, mapping, site, form, name or path.name)
        summary = Summary()
        reading = Reading(self, path, mapping, site, entry, summary)
        try:
            known = reading.run(hashed)
        except Unreadable as error:
            known = self._quarantine(path, entry, summary, error)
        result = self._result(path, entry, summary, known, started)
        result.spent = reading.shelf.spent if reading.shelf else []
        return result

    def refuse(self, path: Path, mapping: Mapping, site: str, form: str, error: Unreadable) -> Result:
        """Quarantine a file as a whole, for what was found before it could be read as records."""
        started, summary = time.monotonic(), Summary()
        entry = self._entry(sniff.digest(path), mapping, site, form, path.name)
        return self._result(path, entry, summary, self._quarantine(path, entry, summary, error), started)

    def _entry(self, hashed: Digest, mapping: Mapping, site: str, form: str, name: str) -> Entry:
        return Entry(
            sha256=hashed.sha256,
            file_name=spoken(name) or f"{site}_{mapping.source}_{hashed.sha256[:12]}",
            bytes=hashed.size,
            site=site,
            source=mapping.source,
            format=form,
            encoding=None,
            mapping=mapping.label,
            started_at=dt.datetime.now(dt.UTC).isoformat(),
            run_id=self._run_id,
        )

    def _result(self, path: Path, entry: Entry, summary: Summary, known: bool, started: float) -> Result:
        result = Result(path, entry, time.monotonic() - started)
        shown = result.shown = _shown(self.settings, path, entry.file_name)
        again = [f"{shown}: this very file was loaded before, nothing to do"]
        result.lines = again if known else summary.lines(shown)
        return result

    def _quarantine(self, path: Path, entry: Entry, summary: Summary, error: Unreadable) -> bool:
        """The file as a whole, with one reason; its bytes are kept, sealed, outside the database."""
        entry.status, entry.reason = "quarantined", error.reason
        entry.rows = Counts(read=error.rows, quarantined=error.rows)
        entry.observations = Counts()
        rejects = Rejects()
        rejects.add(None, error.field, error.reason, error.expected, error.rows)
        with Load(self.settings) as load:
            if load.begin(entry):
                return True
            if entry.bytes:
                self._keep(path, entry.sha256)
            load.put({"record": rejects.table(load.load_id)})
            load.finish(entry)
        summary.add(rejects)
        return False

    def _keep(self, path: Path, sha256: str) -> None:
        """``originals/<sha256>.sealed``: pieces of 4 MiB, each after its sealed length in 4 bytes."""
        folder = self.settings.originals
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f".{sha256}.new"
        key = self.keyring.system_key()
        with path.open("rb") as source, draft.open("wb") as target:
            for number, piece in enumerate(iter(lambda: source.read(_SEAL_BYTES), b"")):
                sealed = envelope.seal(key, piece, f"originals|{sha256}|{number}|{SYSTEM}".encode())
                target.write(len(sealed).to_bytes(4, "big") + sealed)
        draft.rename(folder / f"{sha256}.sealed")


def _shown(settings: Settings, path: Path, name: str) -> str:
    """How a message calls a file: with site and source when it lies in the inbox."""
    folder = path.resolve().parent
    return f"{folder.relative_to(settings.inbox)}/{name}" if folder.is_relative_to(settings.inbox) else name


def unkeep(kept: Path, keyring: Keyring) -> bytes:
    """The bytes of a file that was kept as a whole."""
    key = keyring.system_key()
    pieces: list[bytes] = []
    with kept.open("rb") as file:
        while length := file.read(4):
            sealed = file.read(int.from_bytes(length, "big"))
            pieces.append(envelope.unseal(key, sealed, f"originals|{kept.stem}|{len(pieces)}|{SYSTEM}".encode()))
    return b"".join(pieces)


class Reading:
    """One file being read into one load."""

    def __init__(self, ingest: Ingest, path: Path, mapping: Mapping, site: str, entry: Entry, summary: Summary) -> None:
        self._ingest, self._path, self._site = ingest, path, site
        self._mapping = formats.adapted(entry.format, mapping)
        self._entry, self._summary = entry, summary
        self._rows = 0
        self._known = Known()
        self._parts: dict[str, Part] = {}
        self._kept = False
        self.shelf: Shelf | None = None

    def run(self, hashed: Digest) -> bool:
        """True: this very file is known, nothing was done."""
        try:
            return self._load(hashed)
        finally:
            if self.shelf is not None:
                self.shelf.clear()

    def _load(self, hashed: Digest) -> bool:
        with Load(self._ingest.settings) as load:
            if load.begin(self._entry):
                return True
            with formats.open_source(self._path, self._entry.format, self._mapping) as source:
                self._entry.encoding = source.encoding
                self._read(load, source)
            if not hashed.is_of(self._path):
                raise WellhouseError(f"{self._entry.file_name} changed while it was read: nothing loaded, try again")
            load.drain()
            self._resolve(load)
            load.finish(self._entry)
        return False

    def _read(self, load: Load, source: Source) -> None:
        sealer = Sealer(load.load_id, self._ingest.keyring.system_key())
        self._put(load, {"original": sealer.header(source.head)})
        part = self._part(load, self._mapping, source.header)
        unusable = part.unusable(source.header)
        with ahead(source.pieces(set() if unusable else part.used())) as pieces:
            for piece in pieces:
                if unusable:
                    self._set_aside(load, piece, sealer)
                else:
                    self._take(load, part, sealer, piece)
        if unusable:
            self._refuse(load, unusable)
        elif not self._rows:
            raise Unreadable("no_records", "records after the header", rows=0)

    def _part(self, load: Load, mapping: Mapping, found: Header) -> Part:
        """What of the file is this source's, made when the first of it comes."""
        if mapping.source not in self._parts:
            blind_key = self._ingest.keyring.blind_key()
            known, parts = self._known, self._entry.format == "hl7v2"
            layout = Layout(mapping, found.names, found.places, self._site, load.load_id, blind_key, known, parts)
            more = self._shelf(load).read if mapping.source == "call_recording" else None
            self._parts[mapping.source] = Part(layout, self._ingest.dictionary, more)
        return self._parts[mapping.source]

    def _shelf(self, load: Load) -> Shelf:
        """The audio beside the file."""
        self.shelf = Shelf(
            Store(self._ingest.settings),
            self._path.parent,
            load.load_id,
            partial(recorded, self._ingest.connection, load.load_id),
        )
        return self.shelf

    def _take(self, load: Load, part: Part, sealer: Sealer, piece: Piece) -> None:
        first = self._rows + 1
        self._rows += len(piece.starts)
        if part.plan is not None and part.plan.long:
            piece = pairs.spread(piece, part.layout, part.plan.dictionary)
        rejects = Rejects()
        numbers = self._numbers(piece)
        for index, reason, expected in piece.bad:
            rejects.add(int(numbers[index]), None, reason, expected)
        self._note(piece)
        vault = self._ingest.vault
        batch = part.read(piece.table, numbers[piece.good], rejects, vault, piece.refused)
        owners = np.full(len(piece.starts), -1, np.int32)
        owners[piece.good] = batch.owner
        owners[piece.told] = np.r_[batch.owner, np.int32(-1)][piece.told_of]
        persons, tables = list(batch.persons), batch.tables
        batches = [(piece.good, batch)]
        for other in piece.also:
            theirs = self._other(load, other).read(other.table, numbers[other.good], rejects, vault)
            owners[other.good] = np.where(theirs.owner < 0, -1, theirs.owner + len(persons))
            persons += theirs.persons
            for name, table in theirs.tables.items():
                tables[name] = pa.concat_tables([tables[name], table]) if name in tables else table
            batches.append((other.good, theirs))
        if piece.whose is not None:
            whose = self._other(load, piece.whose).owners(piece.whose.table, numbers[piece.whose.good], vault)
            owners[piece.whose.good] = np.where(whose.owner < 0, -1, whose.owner + len(persons))
            persons += whose.persons
        self._count(batches, piece)
        tables["record"] = rejects.table(load.load_id)
        self._summary.add(rejects)
        sealed = partial(sealer.rows, piece.data, piece.starts, len(piece.data), first, owners, persons)
        self._put(load, tables | {"original": sealed if len(piece.starts) else _blank(sealer, piece, first)})

    def _other(self, load: Load, other: Also) -> Part:
        mapping = formats.also(self._ingest.settings.root, other.source, self._mapping, self._site)
        return self._part(load, mapping, other.header)

    def _numbers(self, piece: Piece) -> Ints:
        """The row number of each record of the piece that was just begun."""
        return np.arange(self._rows - len(piece.starts), self._rows) + 1

    def _put(self, load: Load, tables: dict[str, Coming]) -> None:
        load.put(tables)

    def _note(self, piece: Piece) -> None:
        self._summary.notes += piece.notes
        if piece.rendered and not self._kept:
            self._ingest._keep(self._path, self._entry.sha256)
            self._kept = True

    def _count(self, batches: list[tuple[Ints, Batch]], piece: Piece) -> None:
        """A record is loaded when any row of it is, quarantined when it is bad or all its rows are."""
        bad = len(piece.bad)
        records = _distinct([good for good, _ in batches])
        alive = _distinct([good[batch.alive] for good, batch in batches])
        self._entry.rows.read = self._rows
        self._entry.rows.quarantined += bad + records - alive
        self._entry.rows.loaded += alive + len(piece.told)
        for _, batch in batches:
            part = self._parts[batch.layout.mapping.source]
            self._entry.observations.add(part.observations(batch, bad if piece.record_is_row else 0))

    def _set_aside(self, load: Load, piece: Piece, sealer: Sealer) -> None:
        """Keep the bytes of a piece that cannot be read, under the system's key."""
        self._note(piece)
        first = self._rows + 1
        self._rows += len(piece.starts)
        owners = np.full(len(piece.starts), -1, np.int32)
        sealed = sealer.rows(piece.data, piece.starts, len(piece.data), first, owners, [])
        load.put({"original": sealed if len(piece.starts) else _blank(sealer, piece, first)})

    def _refuse(self, load: Load, unusable: tuple[str, str, str]) -> None:
        reason, column, expected = unusable
        rejects = Rejects()
        rejects.add(None, column, reason, expected, self._rows)
        self._entry.status, self._entry.reason = "quarantined", reason
        self._entry.rows = Counts(read=self._rows, quarantined=self._rows)
        self._summary.add(rejects)
        load.put({"record": rejects.table(load.load_id)})

    def _resolve(self, load: Load) -> None:
        """Take out what is there already. Loads of one site and source pass one at a time, each sees the last."""
        for source in sorted({self._mapping.source, *self._parts}):
            load.execute("select pg_advisory_xact_lock(hashtextextended($1, 1))", f"{self._site}|{source}")
        families = [
            (part.family, part.suspects, _pairs(part.aliases), part.by_detail)
            for part in self._parts.values() if part.family
        ]  # fmt: skip
        if self._mapping.source == "exam" and self._mapping.answers:
            exams = self._parts["exam"]
            aliases = self._responses(_pairs(exams.aliases).ravel()).reshape(2, -1)
            responses = self._responses(exams.suspects)
            families.append((FAMILIES["questionnaire"], responses, aliases, exams.by_detail))
        touched = conflicting = np.empty(0, np.int64)
        for family, suspects, aliases, _ in families:
            form = self._entry.format
            keys = np.union1d(suspects, adopt(load, family, aliases))
            resolved = duplicates.resolve(load, family, keys, form == "hl7v2", form == "fhir")
            touched = np.union1d(touched, resolved.touched)
            conflicting = np.union1d(conflicting, resolved.conflicting)
            if family.detail == "observation":
                gone = resolved.duplicates + resolved.conflicts
                self._entry.observations.loaded -= gone
                self._entry.observations.duplicate += resolved.duplicates
                self._entry.observations.quarantined += resolved.conflicts
        if self._mapping.outcomes:
            duplicates.outcomes(load)
        if self.shelf is not None:
            self.shelf.kept |= objects(load)
        if len(touched):
            self._recount(load, [(f, by_detail) for f, _, _, by_detail in families], touched, conflicting)

    def _recount(self, load: Load, families: list[tuple[Family, bool]], touched: Ints, conflicting: Ints) -> None:
        left = np.unique(np.concatenate([duplicates.remaining(load, f, touched, detail) for f, detail in families]))
        if self._mapping.outcomes:
            left = np.union1d(left, duplicates.remaining(load, OUTCOME, touched, False))
        gone = np.setdiff1d(touched, left)
        refused = np.intersect1d(gone, conflicting)
        rows = self._entry.rows
        rows.loaded -= len(gone)
        rows.quarantined += len(refused)
        rows.duplicate += len(gone) - len(refused)
        heads = [f.head for f, _ in families] + [OUTCOME.head] * bool(self._mapping.outcomes)
        duplicates.forget_persons(load, heads, gone, refused)
        for reason, row, column, expected, count in duplicates.noted(load):
            self._summary.counts[reason] = int(count)
            self._summary.examples.setdefault(reason, []).append((row, column, expected))

    def _responses(self, exam_keys: Ints) -> Ints:
        blind_key = self._ingest.keyring.blind_key()
        return np.array(lifestyle.response_keys(blind_key, self._site, exam_keys), np.int64)


def _blank(sealer: Sealer, piece: Piece, row: int) -> pa.Table:
    """Bytes after the last record that are no record."""
    return sealer.rows(piece.data, np.zeros(1, np.int64), len(piece.data), row, np.full(1, -1, np.int32), [])


def _pairs(aliases: set[tuple[int, int]]) -> Ints:
    """As two rows: the keys, and the other key of each."""
    return np.array(sorted(aliases), np.int64).reshape(-1, 2).T


def _distinct(parts: list[Ints]) -> int:
    """How many different records there are; each part is ascending."""
    if len(parts) > 1:
        return len(np.unique(np.concatenate(parts)))
    return int(np.count_nonzero(np.diff(parts[0]))) + bool(len(parts[0]))
