"""``wellhouse subject …``: what a person may ask for, answered by one command each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wellhouse.commands.options import As, AsJson
from wellhouse.errors import WellhouseError

if TYPE_CHECKING:
    from wellhouse.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Rights of the person whom data is about: export, correct, restrict, erase."
)
OFFICER = "administrator"
Person = Annotated[int, typer.Argument(help="person_key")]
Purpose = Annotated[str, typer.Option("--purpose", help="the request; kept in the audit trail, so no name or number")]


@app.command()
def export(
    person: Person,
    output: Annotated[Path, typer.Option("--output", help="the ZIP to write, outside the installation's folder")],
    purpose: Purpose,
    username: As = None,
    lang: Annotated[str, typer.Option(help="of the summary: zh or en")] = "zh",
    as_json: AsJson = False,
) -> None:
    """Everything that is known of a person: FHIR R4 bundle, summary PDF, CSV of every table, originals, recordings."""
    from wellhouse.access import portability, readers
    from wellhouse.settings import settings

    of = settings()
    who = readers.acting(of, username, OFFICER)
    done = portability.export(of, person, output, _summary(of, person, lang, who), who, purpose)
    if as_json:
        print(json.dumps({"path": str(done.path), "files": done.files, "rows": done.rows}))
    else:
        print(f"{done.path}: {len(done.files)} files, {sum(done.rows.values())} rows of {len(done.rows)} tables")


@app.command()
def correct(
    person: Person,
    facts: Annotated[
        Path, typer.Option("--facts", help="JSON of what is right: name, birth_date, sex, phone, address, employer")
    ],
    purpose: Purpose,
    username: As = None,
) -> None:
    """Put right what is known of a person. Health values are corrected where they come from, and sent again."""
    from wellhouse.access import readers
    from wellhouse.landing import merges
    from wellhouse.settings import settings

    try:
        right = json.loads(facts.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise WellhouseError(f"{facts} cannot be read as JSON") from None
    of = settings()
    names = merges.put_right(of, person, right, readers.acting(of, username, OFFICER), purpose)
    print(f"put right: {', '.join(names)}")


@app.command()
def restrict(person: Person, purpose: Purpose, username: As = None) -> None:
    """Nobody reads this person's rows from the next query on; aggregates leave them out from the next build on."""
    from wellhouse.access import restrictions

    restrictions.restrict(*_asked(person, username), purpose)
    print(f"person {person} is restricted")


@app.command()
def unrestrict(person: Person, purpose: Purpose, username: As = None) -> None:
    """Readers see the person's rows again."""
    from wellhouse.access import restrictions

    restrictions.lift(*_asked(person, username), purpose)
    print(f"person {person} is no longer restricted")


@app.command()
def withdraw(
    person: Person,
    consent: Annotated[str, typer.Option("--consent", help="recording: audio is deleted; processing: restrict")],
    purpose: Purpose,
    username: As = None,
) -> None:
    """A consent is withdrawn: to recordings, or to all processing that rests on consent."""
    from wellhouse.access import restrictions

    asked = _asked(person, username)
    if consent == "recording":
        print(f"{restrictions.forget_recordings(*asked, purpose)} recordings deleted")
    elif consent == "processing":
        restrictions.restrict(*asked, purpose)
        print(f"person {person} is restricted; `wellhouse subject erase` deletes what no law asks to keep")
    else:
        raise typer.BadParameter("recording or processing", param_hint="--consent")


@app.command()
def erase(
    person: Person,
    output: Annotated[Path, typer.Option("--output", help="the folder for the certificate")],
    purpose: Purpose,
    username: As = None,
    canaries: Annotated[
        Path | None, typer.Option(help="a text a line to look for, when an earlier run destroyed the keys already")
    ] = None,
    build: Annotated[bool, typer.Option(help="build marts and aggregates now, not with the next landing")] = True,
    as_json: AsJson = False,
) -> None:
    """Erase a person: keys, originals, recordings, every row. The certificate is written only when nothing is found."""
    from wellhouse import files
    from wellhouse.access import erasure, readers
    from wellhouse.ops import copies
    from wellhouse.ops.canaries import read
    from wellhouse.settings import settings

    of = settings()
    operator = readers.acting(of, username, OFFICER)
    output.mkdir(parents=True, exist_ok=True)
    texts = sorted(read(canaries).values()) if canaries else None
    who = erasure.subject(of, person, operator, purpose, texts)
    done = erasure.erase(of, who, operator, purpose)
    if failed := copies.renew_keystore(of):
        raise WellhouseError(f"erased, but no certificate: {failed[0]}")
    told = _rebuilt(of) if build else "with the next build"
    _forget_caches(of)
    certificate = erasure.certify(of, who, operator, purpose, done, told, lambda texts: _scanned(of, texts))
    document = certificate.as_json()
    files.replace(output / f"{certificate.certificate}.pdf", _pdf(of, document))
    files.replace(
        output / f"{certificate.certificate}.json", json.dumps(document, ensure_ascii=False, indent=2).encode()
    )
    print(json.dumps(document) if as_json else f"certificate {certificate.certificate} in {output}")


def _asked(person: int, username: str | None) -> tuple[Settings, int, str]:
    """Installation, person, and who acts: an administrator."""
    from wellhouse.access import readers
    from wellhouse.settings import settings

    of = settings()
    return of, person, readers.acting(of, username, OFFICER)


def _summary(of: Settings, person: int, lang: str, who: str) -> bytes | None:
    from wellhouse.summaries.summary import summary_of_subject

    if lang not in ("zh", "en"):
        raise typer.BadParameter("zh or en", param_hint="--lang")
    return summary_of_subject(of, person, "zh" if lang == "zh" else "en", who)


def _rebuilt(of: Settings) -> str:
    """Marts and aggregates without the person."""
    from wellhouse import build

    try:
        build.everything(of)
    except WellhouseError as error:
        raise WellhouseError(f"the rows are erased, but no certificate: {error} (`wellhouse dbt build`)") from None
    return "built again without the person"


def _forget_caches(of: Settings) -> None:
    """Superset keeps answers in its memory for minutes; a process that is new has none."""
    from wellhouse.ops import services, supervisor

    if supervisor.states(of).get(services.SUPERSET) == "RUNNING":
        supervisor.restart(of, [services.SUPERSET])


def _scanned(of: Settings, texts: list[str]) -> dict[str, Any]:
    from wellhouse.ops import bootstrap
    from wellhouse.ops.scan import Scanner

    scanner = Scanner(dict(enumerate(texts, 1)))
    bootstrap.flush(of)
    scanner.folder(of.var)
    return scanner.found.document() | {"unreadable": scanner.found.unreadable}


def _pdf(of: Settings, document: dict[str, Any]) -> bytes:
    import datetime as dt

    from wellhouse.summaries.render import Renderer
    from wellhouse.summaries.summary import folder

    return Renderer(folder(of), template="erasure.typ").pdf(
        document, dt.datetime.fromisoformat(document["certified_at"])
    )
