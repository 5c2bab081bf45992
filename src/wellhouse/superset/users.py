"""People's accounts in Superset. What they may read is decided in PostgreSQL (``wellhouse.access``)."""

from __future__ import annotations

from typing import Any

from wellhouse.errors import WellhouseError
from wellhouse.superset import roles
from wellhouse.superset.client import Superset

PATH = "/api/v1/security/users/"


def ensure(superset: Superset, username: str, role: str, first_password: str) -> bool:
    """An active account with exactly this role; True when something had to be changed.

    The password is set when the account is made and is the person's own afterwards.

    :raises WellhouseError: Superset has no such role yet
    """
    name = roles.superset_name(role)
    number = roles.numbers(superset).get(name)
    if number is None:
        raise WellhouseError(f"Superset has no role {name} yet: run `wellhouse superset deploy` first")
    account = find(superset, username)
    if account is None:
        person = {"first_name": username, "last_name": role, "email": f"{username}@wellhouse.invalid"}
        superset.post(
            PATH, person | {"username": username, "active": True, "roles": [number], "password": first_password}
        )
        return True
    if account["active"] and [r["id"] for r in account["roles"]] == [number]:
        return False
    superset.put(f"{PATH}{account['id']}", {"active": True, "roles": [number]})
    return True


def set_password(superset: Superset, username: str, password: str) -> None:
    """Another password for an account.

    :raises WellhouseError: there is no such account
    """
    account = find(superset, username)
    if account is None:
        raise WellhouseError(f"there is no account {username} in Superset")
    superset.put(f"{PATH}{account['id']}", {"password": password})


def deactivate(superset: Superset, username: str) -> bool:
    """Close the account: its open sessions are refused from the next request on. False: there is none."""
    account = find(superset, username)
    if account is None:
        return False
    if account["active"]:
        superset.put(f"{PATH}{account['id']}", {"active": False})
    return True


def find(superset: Superset, username: str) -> dict[str, Any] | None:
    """The account, or None."""
    found = superset.get(PATH, params={"q": f"(filters:!((col:username,opr:eq,value:{username})))"})["result"]
    return dict(found[0]) if found else None
