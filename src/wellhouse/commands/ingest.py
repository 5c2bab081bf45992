"""``wellhouse ingest``: load files or folders once."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wellhouse.commands.options import AsJson
from wellhouse.errors import WellhouseError
from wellhouse.files import spoken
from wellhouse.settings import Settings, settings

if TYPE_CHECKING:
    from wellhouse.ingest.file import Ingest, Result
    from wellhouse.ingest.mapping import Mapping
    from wellhouse.ingest.sniff import Digest

app = typer.Typer()

_KINDS = (".csv", ".tsv", ".txt", ".hl7", ".gz", ".xlsx", ".xlsm", ".json", ".jsonl", ".ndjson", ".zip")


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="files, or folders to walk; inbox/<site>/<source>/ says both")],
    source: Annotated[str | None, typer.Option(help="what the files hold: exam, questionnaire, follow_up, …")] = None,
    format: Annotated[str, typer.Option(help="auto, or one of: csv, xlsx, json, fhir, hl7v2")] = "auto",
    site: Annotated[str | None, typer.Option(help="the site they come from")] = None,
    mapping: Annotated[Path | None, typer.Option(help="a mapping file; default: mappings/<site>_<source>.yaml")] = None,
    batch: Annotated[str | None, typer.Option(help="i/n: the i-th of n shares of the files, by name")] = None,
    run_id: Annotated[str | None, typer.Option(help="written into the ledger")] = None,
    as_json: AsJson = False,
) -> None:
    """Load files once. What cannot be read is quarantined with a reason and a line on standard error, and exits 0."""
    from wellhouse.ingest.ahead import ahead

    _leave_pandas()
    of = settings()
    files = _batch(_files(paths), batch)
    results: list[tuple[Path, Result | str]] = []
    # the next file is hashed while this one is loaded, and the first while the program is still coming up
    with ahead(map(_digest, files)) as digests:
        from wellhouse.ingest.file import Ingest
        from wellhouse.ingest.formats import FORMATS

        if format not in ("auto", *FORMATS):
            raise typer.BadParameter(f"auto or one of: {', '.join(FORMATS)}", param_hint="--format")
        # what is imported stays, and what a piece makes is gone with it: looking through both again and again took a
        # tenth of the time
        gc.freeze()
        gc.set_threshold(25_000)
        with Ingest(of, run_id) as loader:
            for file, hashed in zip(files, digests, strict=True):
                results += _load(loader, of, file, hashed, source, site, mapping, format)
    report = _report(results)
    shown = [_spoken(path) if isinstance(result, str) else result.shown for path, result in results]
    print(json.dumps(report, ensure_ascii=False) if as_json else _table(report, shown))
    if any(isinstance(r, str) for _, r in results):
        raise typer.Exit(1)


def _leave_pandas() -> None:
    """pyarrow imports pandas at its first array when it is there; nothing here needs it, and it takes a while."""

    class Unwanted(MetaPathFinder):
        def find_spec(self, fullname: str, *_: object) -> None:
            if fullname == "pandas":
                raise ModuleNotFoundError(fullname)

    import pyarrow as pa

    finder = Unwanted()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([])  # where it looks, once
    finally:
        sys.meta_path.remove(finder)


def _digest(file: Path) -> Digest | None:
    from wellhouse.ingest import sniff

    try:
        return sniff.digest(file)
    except OSError:
        return None  # gone or unreadable: loading it says so


def _load(
    loader: Ingest, of: Settings, file: Path, hashed: Digest | None, source: str | None, site: str | None,
    mapping_file: Path | None, form: str,
) -> list[tuple[Path, Result | str]]:  # fmt: skip
    """The result of the file, or of each file in an archive; one line on why where the work failed."""
    from wellhouse.ingest import archive, formats
    from wellhouse.ingest.sniff import Unreadable

    def one(path: Path, name: str | None = None, hashed: Digest | None = None) -> Result | str:
        def act() -> Result:
            found = formats.detect(path) if form == "auto" else form
            return loader.load(path, *_mapping(of, file, source, site, mapping_file, found), found, name, hashed)

        return _tried(file, act)

    def refused(error: Unreadable) -> Result:
        return loader.refuse(file, *_mapping(of, file, source, site, mapping_file, "zip"), "zip", error)

    results: list[tuple[Path, Result | str]] = []
    if archive.is_archive(file):
        try:
            with archive.opened(file) as members:
                results += [(file / m.name, one(m.path, m.name)) for m in members]
        except Unreadable as error:
            results.append((file, _tried(file, partial(refused, error))))
    else:
        results.append((file, one(file, hashed=hashed)))
    if file.resolve().is_relative_to(of.inbox) and not any(isinstance(r, str) for _, r in results):
        for done in (*(s for _, r in results if not isinstance(r, str) for s in r.spent), file):
            try:
                done.unlink(missing_ok=True)  # landed or quarantined: its original is sealed
            except OSError as error:
                print(f"wellhouse: a file that was read could not be removed: {error.strerror}", file=sys.stderr)
    return results


def _tried(file: Path, act: Callable[[], Result]) -> Result | str:
    try:
        result = act()
    except WellhouseError as error:
        print(f"wellhouse: {error}", file=sys.stderr)
        return str(error)
    except Exception as error:
        # whatever a driver says may carry a row: name its kind only
        line = f"{_spoken(file)}: failed with {type(error).__name__}; nothing of it was loaded"
        print(f"wellhouse: {line}", file=sys.stderr)
        return line
    for line in result.lines:
        print(line, file=sys.stderr)
    return result


def _mapping(
    of: Settings, file: Path, source: str | None, site: str | None, mapping_file: Path | None, form: str
) -> tuple[Mapping, str]:
    from wellhouse.ingest import mapping as mappings

    resolved = file.resolve()
    if resolved.is_relative_to(of.inbox):
        parts = resolved.relative_to(of.inbox).parts
        if len(parts) >= 3:
            site, source = site or parts[0], source or parts[1]
    mapping = mappings.read(mapping_file) if mapping_file else None
    site = site or (mapping.site if mapping else None)
    if site is None:
        raise WellhouseError(f"{_spoken(file)}: which site is it from? Say --site")
    if source is not None and source not in mappings.SOURCES:
        raise WellhouseError(f"{_spoken(file)}: no source `{source}`, expected one of {', '.join(mappings.SOURCES)}")
    return mapping or mappings.choose(of.root, source or "exam", site, form), site


def _files(paths: list[Path]) -> list[Path]:
    """Files as given, folders walked; sorted, so that every batch sees the same list."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= {p for p in path.rglob("*") if p.is_file() and p.suffix in _KINDS and not p.name.startswith(".")}
        elif path.is_file():
            found.add(path)
        elif "*" not in str(path):  # a pattern that nothing matched: an inbox without this source
            raise WellhouseError(f"no file or folder {path}")
    # a FHIR export has a file a type: the patients first, so that the others find whom they are about
    return sorted(found, key=lambda p: (not p.name.startswith("Patient"), p))


def _batch(files: list[Path], batch: str | None) -> list[Path]:
    if batch is None:
        return files
    number, _, of = batch.partition("/")
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise typer.BadParameter("expected i/n with 1 ≤ i ≤ n", param_hint="--batch")
    # by a hash of the name, not the place in the list: files vanish from the inbox while other batches run
    from zlib import crc32

    return [f for f in files if crc32(f.name.encode()) % int(of) == int(number) - 1]


def _report(results: list[tuple[Path, Result | str]]) -> dict[str, Any]:
    files: list[dict[str, Any]] = []
    totals: dict[str, Any] = dict.fromkeys(("read", "loaded", "quarantined", "duplicate"), 0)
    totals["observations"] = dict(totals)
    for path, result in results:
        if isinstance(result, str):
            files.append({"path": str(path), "status": "failed", "reason": result, "read": 0, "loaded": 0,
                          "quarantined": 0, "duplicate": 0})  # fmt: skip
            continue
        entry = result.entry
        files.append({
            "path": str(path), "sha256": entry.sha256, "source": entry.source, "format": entry.format,
            "encoding": entry.encoding, **asdict(entry.rows), "status": entry.status, "reason": entry.reason,
            "seconds": round(result.seconds, 3), "observations": asdict(entry.observations),
        })  # fmt: skip
        for name, value in asdict(entry.rows).items():
            totals[name] += value
        for name, value in asdict(entry.observations).items():
            totals["observations"][name] += value
    return {"files": files, "totals": totals}


def _table(report: dict[str, Any], shown: list[str]) -> str:
    lines = [f"{'read':>9} {'loaded':>9} {'quarant.':>9} {'duplicate':>9}  status       file"]
    rows = [*report["files"], report["totals"] | {"status": ""}]
    for row, name in zip(rows, [*shown, "total"], strict=True):
        counts = " ".join(f"{row[count]:>9}" for count in ("read", "loaded", "quarantined", "duplicate"))
        lines.append(f"{counts}  {row['status']:<12} {name}")
    return "\n".join(lines)


def _spoken(file: Path) -> str:
    """How a message calls a file of which nothing else is known: a task's log keeps it. By its size it can be found."""
    return spoken(file.name) or f"a file of {file.stat().st_size if file.exists() else 0} bytes"
