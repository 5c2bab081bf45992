"""The tree keeps its own rules: small files, one word a subject, documents that point at what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from wellhouse.settings import PROJECT_ROOT

SUBJECTS = ("exam", "questionnaire", "consultation", "follow_up", "call_recording", "card", "intervention", "care_plan")
TREE = {
    "dags", "dashboards", "dbt_project", "docs", "expectations", "infra", "mappings", "models", "src", "tests",
}  # fmt: skip
MAX_LINES = {".py": 400, ".sql": 400, ".sh": 200}
MAX_MODEL_LINES = 60
MAX_DAG_LINES = 138
"""The longest DAG of the best comparable project (shared design rules, STYLE): ours stay under it."""
BUILT_LATER = {".png"}
"""Screenshots are taken from the running product."""


def tracked() -> list[Path]:
    """Files of the tree: under version control, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT, check=True, capture_output=True,
    )  # fmt: skip
    paths = [PROJECT_ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    try:
        return tracked()
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git work tree")


def short(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT))


def lines(path: Path) -> int:
    return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def test_every_top_folder_is_one_of_the_known(files: list[Path]) -> None:
    folders = {path.relative_to(PROJECT_ROOT).parts[0] for path in files if path.parent != PROJECT_ROOT}
    assert {f for f in folders if not f.startswith(".")} <= TREE


def test_files_are_small(files: list[Path]) -> None:
    large = {
        short(path): lines(path) for path in files if path.suffix in MAX_LINES and lines(path) > MAX_LINES[path.suffix]
    }
    assert large == {}


def test_a_dag_says_when_and_in_what_order_in_few_lines(files: list[Path]) -> None:
    dags = [path for path in files if path.parent == PROJECT_ROOT / "dags" and path.suffix == ".py"]
    assert len(dags) > 5
    assert {short(d): lines(d) for d in dags if lines(d) >= MAX_DAG_LINES} == {}


def test_names_are_lower_case_and_say_what_the_file_is(files: list[Path]) -> None:
    code = [p for p in files if p.suffix in (".py", ".sql", ".yml", ".json") and not p.name.startswith(".")]
    odd = [short(p) for p in code if not re.fullmatch(r"_{0,2}[a-z][a-z0-9_]*(__)?\.[a-z]+", p.name)]
    assert odd == []
    vague = [
        short(p) for p in code if p.stem in ("utils", "util", "helpers", "helper", "misc", "common", "new", "temp")
    ]
    assert vague == []


def test_fixtures_are_named_after_what_is_in_them(files: list[Path]) -> None:
    fixtures = [p for p in files if "fixtures" in p.relative_to(PROJECT_ROOT).parts]
    assert [short(p) for p in fixtures if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z0-9]+)+", p.name)] == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_is_one_word_through_every_layer(subject: str) -> None:
    plural = subject + "s"
    for place in (
        f"mappings/{subject}.yaml",
        f"dags/ingest_{plural}.py",
        f"expectations/landing__{subject}.json",
        f"dbt_project/models/staging/{subject}",
        f"dbt_project/models/marts/{subject}",
    ):
        assert (PROJECT_ROOT / place).exists(), place
    ddl = (PROJECT_ROOT / "infra/postgres/schemas.sql").read_text()
    assert f"landing.{subject} (" in ddl


def test_every_model_is_described_beside_itself_and_opens_with_its_grain(files: list[Path]) -> None:
    models = [p for p in files if p.suffix == ".sql" and "dbt_project/models" in short(p)]
    assert len(models) > 30
    for model in models:
        beside = model.with_suffix(".yml")
        assert beside.exists(), short(model)
        (described,) = yaml.safe_load(beside.read_text())["models"]
        assert described["name"] == model.stem
        assert described["description"].startswith("One row: "), short(beside)
        assert lines(model) <= MAX_MODEL_LINES, short(model)


def test_nothing_is_left_for_later_in_the_code(files: list[Path]) -> None:
    marker = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    found = [
        short(p) for p in files if p.suffix in (".py", ".sql", ".sh") and marker.search(p.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_decisions_are_numbered_one_by_one() -> None:
    numbers = sorted(int(p.name[:4]) for p in (PROJECT_ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_decision_says_what_was_rejected() -> None:
    for path in (PROJECT_ROOT / "docs/decisions").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Rejected")), path.name


def test_documents_point_at_what_is_there(files: list[Path]) -> None:
    broken = []
    for document in (p for p in files if p.suffix == ".md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            if (
                "://" not in target
                and not (document.parent / target).exists()
                and Path(target).suffix not in BUILT_LATER
            ):
                broken.append(f"{short(document)}: {target}")
    assert broken == []


def test_every_test_that_a_document_names_exists(files: list[Path]) -> None:
    missing = []
    for document in (p for p in files if p.suffix == ".md"):
        for name in re.findall(r"`(tests/[\w/]+\.py)`", document.read_text(encoding="utf-8")):
            if not (PROJECT_ROOT / name).exists():
                missing.append(f"{short(document)}: {name}")
    assert missing == []


def test_the_readme_shows_the_two_commands_at_once() -> None:
    head = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25]
    assert any(line.startswith("make up") for line in head)
    assert any(line.startswith("make test") for line in head)


def test_every_folder_of_the_tree_is_in_the_readme() -> None:
    text = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    assert [folder for folder in TREE - {"src"} if f"]({folder})" not in text] == []


def test_test_folders_are_make_targets() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    kinds = {p.name for p in (PROJECT_ROOT / "tests").iterdir() if p.is_dir()} - {
        "fixtures",
        "benchmarks",
        "__pycache__",
    }
    assert [kind for kind in kinds if f"test-{kind}" not in makefile] == []
