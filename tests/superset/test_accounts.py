"""Accounts and roles change by `wellhouse user` and the deployment only, never by a person's hand in Superset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.second_factor import code
from tests.superset.conftest import Person, browser
from wellhouse.settings import settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset

NAME = "administrator"
TARGET = "analyst_sh"
HTML = {"Accept": "text/html"}
SECURITY = "/api/v1/security"


@pytest.fixture(scope="module")
def human(administrator: Superset, superset_url: str) -> Iterator[Person]:
    """The administrator with password and code, over the API and in a browser."""
    password = settings().secret(f"password_{NAME}")
    with Superset(settings(), NAME, password, code(NAME)) as api, closing(browser(superset_url, NAME, password)) as web:
        yield Person(api, web, {}, 0)


@pytest.fixture(scope="module")
def target(administrator: Superset) -> int:
    account = users.find(administrator, TARGET)
    assert account is not None
    return int(account["id"])


def asked(human: Person, method: str, path: str, document: Any = None) -> list[httpx.Response]:
    """By token and by cookie."""
    csrf = human.browser.get("/api/v1/security/csrf_token/").json()["result"]
    return [
        human.superset.request(method, path, json=document),
        human.browser.request(method, path, json=document, headers={"X-CSRFToken": csrf}),
    ]


def test_an_administrator_takes_nobodys_account(human: Person, target: int, superset_url: str) -> None:
    """They see no patient data: with a reader's password they would, where that reader has no second factor yet."""
    for method, path, document in (
        ("PUT", f"{SECURITY}/users/{target}", {"password": "another long password"}),
        ("POST", f"{SECURITY}/users/", {"username": "made_up", "password": "another long password"}),
        ("DELETE", f"{SECURITY}/users/{target}", None),
        ("GET", f"{SECURITY}/users/", None),
        ("PUT", f"{SECURITY}/roles/1/users", {"user_ids": [target]}),
        ("POST", f"{SECURITY}/roles/1/permissions", {"permission_view_menu_ids": []}),
        ("GET", f"{SECURITY}/roles/search/", None),
        ("POST", f"{SECURITY}/groups/", {"name": "made_up"}),
        ("POST", f"{SECURITY}/permissions-resources/", {"permission_id": 1, "view_menu_id": 1}),
        ("POST", f"{SECURITY}/user_registrations/", {}),
    ):
        for answer in asked(human, method, path, document):
            assert answer.status_code == 403, (method, path, answer.text)
            assert "wellhouse user" in answer.json()["message"]
    with closing(browser(superset_url, TARGET, settings().secret(f"password_{TARGET}"))) as theirs:
        assert theirs.get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize(("language", "said"), [("zh", "账户"), ("en", "Accounts")])
def test_the_pages_of_accounts_are_closed_and_say_why(human: Person, target: int, language: str, said: str) -> None:
    for path in (
        "/users/", "/users/list/", f"/users/edit/{target}", f"/users/show/{target}", "/users/add",
        f"/users/action/resetpasswords/{target}", f"/resetpassword/form?pk={target}", "/roles/", "/roles/add",
        "/groups/add", "/list_groups/", "/registrations/",
    ):  # fmt: skip
        mark = "&" if "?" in path else "?"
        page = human.browser.get(f"{path}{mark}lang={language}", headers=HTML)
        assert (page.status_code, said in page.text) == (403, True), path


def test_what_is_ones_own_stays(human: Person, target: int) -> None:
    for path in ("/users/userinfo/", "/user_info/", "/resetmypassword/form"):
        assert human.browser.get(path, headers=HTML).status_code == 200, path
    assert human.superset.request("GET", "/api/v1/me/").status_code == 200


def test_our_own_programs_manage_accounts(administrator: Superset, target: int) -> None:
    assert not users.ensure(administrator, TARGET, "analyst", "not used")
    users.set_password(administrator, TARGET, settings().secret(f"password_{TARGET}"))
    assert administrator.get(f"{SECURITY}/roles/")["count"]
