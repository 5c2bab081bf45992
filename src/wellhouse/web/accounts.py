"""Accounts and roles belong to `wellhouse user` and the deployment: no person changes another's in a browser.

An administrator sees no patient data. Who could set the password of a reader without a second factor, or give an
account another role, would see all that this reader may.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, request

from wellhouse.web.page import is_page, page

MESSAGE = "accounts and roles are managed by `wellhouse user` and `wellhouse superset deploy` only"
_API = "/api/v1/security/"
_OF_EVERYBODY = frozenset(f"{_API}{name}" for name in ("login", "refresh", "csrf_token/", "guest_token/"))
_VIEWS = frozenset({
    "users", "roles", "groups", "list_groups", "registrations", "register", "registeruser", "resetpassword",
    "permissions", "permissionviews", "viewmenus", "actions", "resources", "userstatschartview",
})  # fmt: skip
"""The first part of the paths of Flask-AppBuilder's views, and of Superset's and Airflow's in their place."""
_OWN_ACTIONS = frozenset({"resetmypassword", "userinfoedit"})
"""Of the page of one's own account: both lead to a form for whoever asks."""


def asked() -> bool:
    """Whether the request is to look at or change somebody's account or a role."""
    rule = request.url_rule.rule if request.url_rule else ""  # none: there is no such page
    if rule.startswith(_API):
        return rule not in _OF_EVERYBODY
    if rule.split("/")[1:2] == ["users"]:
        return rule != "/users/userinfo/" and (request.view_args or {}).get("name") not in _OWN_ACTIONS
    return bool(_VIEWS & set(rule.split("/")[1:2]))


def refused() -> Any:
    if is_page():
        return page("accounts.html"), 403
    answer = jsonify(message=MESSAGE)
    answer.status_code = 403
    return answer
