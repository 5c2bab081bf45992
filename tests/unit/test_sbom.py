"""The bill of materials names everything that the lock installs, and the audit never says well when it asked nobody."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.package_manager import UV
from wellhouse.settings import PROJECT_ROOT


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("sbom")
    subprocess.run([PROJECT_ROOT / "infra" / "sbom.sh", str(to)], check=True)
    return to


@pytest.mark.parametrize(("group", "known"), [("pipeline", "apache-airflow"), ("superset", "apache-superset")])
def test_everything_that_is_locked_is_in_it_with_its_checksum(materials: Path, group: str, known: str) -> None:
    everything = json.loads((materials / f"{group}.json").read_text())["components"]
    components = [c for c in everything if c.get("purl", "").startswith("pkg:pypi/")]
    listed = {(c["name"], c["version"]) for c in components}
    exported = subprocess.run(
        [UV, "export", "--quiet", "--frozen", "--no-hashes", "--no-emit-project", "--no-annotate", "--group", group],
        cwd=PROJECT_ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    locked = set(re.findall(r"^([\w.-]+)==([\w.+!-]+)", exported, re.MULTILINE))
    assert known in {name for name, _ in locked}
    assert locked <= listed
    summed = {(c["name"], c["version"]) for c in components if any(r.get("hashes") for r in c["externalReferences"])}
    assert locked <= summed
    assert "pytest" not in {name for name, _ in listed}


def test_an_audit_that_could_not_ask_says_so(tmp_path: Path) -> None:
    """A vulnerability service that nobody can reach: neither found nor fine, and a code of its own."""
    done = subprocess.run(
        [PROJECT_ROOT / "infra" / "audit_dependencies.sh"], capture_output=True, text=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "HTTPS_PROXY": "http://127.0.0.1:9",
             "https_proxy": "http://127.0.0.1:9"},
    )  # fmt: skip
    assert done.returncode == 75, done.stdout + done.stderr
    assert "NOT DONE" in done.stderr
