"""``wellhouse superset deploy`` and ``wellhouse user …``: the same twice, and exactly what the files say."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from wellhouse import audit
from wellhouse.settings import settings
from wellhouse.superset import assets, roles
from wellhouse.superset.client import Superset

ROLES = ("analyst", "health_manager", "management", "auditor")


def wellhouse(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["wellhouse", *arguments], text=True, capture_output=True)


def plain(answer: Any) -> Any:
    """Without times, and every list sorted: a list in an answer is of related objects, in whatever order PostgreSQL
    found them; what has an order (a layout, a query) Superset keeps as text."""
    if isinstance(answer, dict):
        return {k: plain(v) for k, v in sorted(answer.items()) if not k.startswith(("changed", "created"))}
    return sorted(map(plain, answer), key=json.dumps) if isinstance(answer, list) else answer


def state(superset: Superset) -> dict[str, Any]:
    """Everything a deployment writes, with its numbers; without times."""
    found: dict[str, Any] = {}
    for kind, order in (("database", "database_name"), ("dataset", "table_name"), ("chart", "slice_name"),
                        ("dashboard", "dashboard_title"), ("rowlevelsecurity", "name")):  # fmt: skip
        for each in superset.every(f"/api/v1/{kind}/", order):
            found[f"{kind} {each['id']}"] = plain(superset.get(f"/api/v1/{kind}/{each['id']}")["result"])
    for name, number in roles.numbers(superset).items():
        found[f"role {number} {name}"] = plain(superset.get(f"/api/v1/security/roles/{number}/permissions/")["result"])
    for user in superset.every("/api/v1/security/users/"):
        found[f"user {user['id']}"] = plain({k: user[k] for k in ("username", "active", "roles")})
    return found


def deployed() -> dict[str, Any]:
    done = wellhouse("superset", "deploy", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_second_deployment_changes_nothing(administrator: Superset) -> None:
    deployed()  # whoever became a reader since the session's own deployment has an account from here on
    before = state(administrator)
    report = deployed()
    files = assets.load(settings().root / "dashboards" / "assets")
    assert report["assets"] == {kind: len(documents) for kind, documents in files.items()}
    assert min(report["assets"].values()) > 0
    after = state(administrator)
    changed = {k: (before.get(k), after.get(k)) for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
    assert changed == {}


def test_roles_hold_exactly_what_the_file_lists(administrator: Superset) -> None:
    wanted = {r.name: r for r in roles.load(settings().root / "dashboards" / "access" / "roles.yaml")}
    numbers = roles.numbers(administrator)
    for name in ROLES:
        held = administrator.get(f"/api/v1/security/roles/{numbers[name]}/permissions/")["result"]
        pairs = {(p["permission_name"], p["view_menu_name"]) for p in held}
        plain = {p for p in pairs if p[0] != "datasource_access"}
        assert plain == wanted[name].permissions
        assert len(held) - len(plain) == len(wanted[name].datasets)


def test_a_permission_that_was_added_by_hand_is_taken_away(administrator: Superset) -> None:
    number = roles.numbers(administrator)["management"]
    path = f"/api/v1/security/roles/{number}/permissions"
    before = sorted(p["id"] for p in administrator.get(f"{path}/")["result"])
    extra = next(
        p["id"] for p in administrator.every("/api/v1/security/permissions-resources/")
        if (p["permission"]["name"], p["view_menu"]["name"]) == ("can_execute_sql_query", "SQLLab")
    )  # fmt: skip
    administrator.post(path, {"permission_view_menu_ids": [*before, extra]})
    assert wellhouse("superset", "deploy").returncode == 0
    assert sorted(p["id"] for p in administrator.get(f"{path}/")["result"]) == before


def test_nobody_in_particular_may_do_nothing(administrator: Superset) -> None:
    number = roles.numbers(administrator)["Public"]
    assert administrator.get(f"/api/v1/security/roles/{number}/permissions/")["result"] == []


def test_the_six_readers_exist_and_are_made_once(superset_url: str) -> None:
    done = wellhouse("user", "ensure-defaults")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 readers made")
    listed = {r["username"]: r for r in json.loads(wellhouse("user", "list", "--json").stdout)}
    expected = {"analyst_hz", "analyst_sh", "manager_hz", "management", "administrator", "auditor"}
    assert expected <= listed.keys()
    assert [g["site"] for g in listed["analyst_hz"]["sites"]] == ["hz"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "x1", "--role", "analyst"), "give --site"),
        (("add", "x1", "--role", "management", "--site", "hz"), "leave out --site"),
        (("add", "x1", "--role", "emperor"), "no such role"),
        (("add", "X; drop", "--role", "management"), "a username is"),
        (("grant", "nobody_here", "--site", "hz"), "there is no reader"),
        (("revoke", "nobody_here"), "there is no reader"),
    ],
)
def test_a_wrong_order_is_one_clear_line(superset_url: str, arguments: tuple[str, ...], said: str) -> None:
    done = wellhouse("user", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_reviews_and_the_trail_know_of_every_grant(superset_url: str) -> None:
    reviewed = json.loads(wellhouse("access", "review", "--json").stdout)
    assert {"analyst_hz", "auditor"} <= {r["username"] for r in reviewed["readers"]}
    assert reviewed["drift"] == []
    assert reviewed["grants"] > 300
    verified = json.loads(wellhouse("audit", "verify", "--json").stdout)
    assert verified["whole"] is True
    events = json.loads(wellhouse("audit", "by", audit.operator(), "--since", "2020-01-01", "--json").stdout)
    assert {e["action"] for e in events} >= {"provision"}
    assert json.loads(wellhouse("audit", "who-saw", str(2**52 + 1), "--json").stdout) == []


def test_the_page_lets_nothing_in_from_elsewhere(administrator: Superset) -> None:
    answer = administrator.request("GET", "/login/")
    policy = answer.headers["Content-Security-Policy"]
    assert "scarf" not in policy
    assert "https:" not in policy
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
