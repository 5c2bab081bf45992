"""Creates Airflow's first administrator, or, given a name, renews that user's password; it needs Airflow's environment.

The password comes from its 0600 file and never stands in a command line or in the environment. Created once more, a
user keeps the password they have.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

from wellhouse.settings import settings

USERNAME = "administrator"


def create(manager: Any) -> None:
    manager.sync_roles()
    if manager.find_user(username=USERNAME):
        return
    user = manager.add_user(
        username=USERNAME,
        first_name="Wellhouse",
        last_name="Administrator",
        email=f"{USERNAME}@localhost",
        role=manager.find_role("Admin"),
        password=settings().secret(f"password_{USERNAME}"),
    )
    if not user:
        raise SystemExit("Airflow did not create its administrator")


def renew(manager: Any, username: str) -> None:
    user = manager.find_user(username=username)
    if user and not manager.reset_password(user.id, settings().secret(f"password_{username}")):
        raise SystemExit("Airflow did not take the password")


if __name__ == "__main__":
    with get_application_builder() as builder:
        renew(builder.sm, sys.argv[1]) if len(sys.argv) > 1 else create(builder.sm)
