"""Creates Airflow's first administrator; run by `wellhouse ops up` in the pipeline environment, which has Airflow.

The password comes from its 0600 file and never stands in a command line or in the environment. A user who exists
keeps the password they have.
"""

from __future__ import annotations

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

from wellhouse.settings import settings

USERNAME = "administrator"


def main() -> None:
    with get_application_builder() as builder:
        manager = builder.sm
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


if __name__ == "__main__":
    main()
