"""Make or renew the first administrator, inside Superset's own environment.

Run after ``superset db upgrade`` and ``superset init``; running it again sets the password to the one in the file.
Everything else about Superset is deployed over its REST API (``wellhouse superset deploy``).
"""

from __future__ import annotations

from superset.app import create_app

from wellhouse.settings import settings

ADMINISTRATOR = "administrator"


def main() -> None:
    """Read the password from its 0600 file, never from an argument or the environment."""
    with create_app().app_context():
        from superset import security_manager as manager

        password = settings().secret(f"password_{ADMINISTRATOR}")
        user = manager.find_user(username=ADMINISTRATOR)
        if user is None:
            made = manager.add_user(
                ADMINISTRATOR, "Wellhouse", "Administrator", f"{ADMINISTRATOR}@wellhouse.invalid",
                manager.find_role("Admin"), password=password,
            )  # fmt: skip
            if not made:
                raise SystemExit("the administrator could not be created")
        else:
            user.active = True
            user.roles = [manager.find_role("Admin")]
            manager.update_user(user)
            manager.reset_password(user.id, password)


if __name__ == "__main__":
    main()
