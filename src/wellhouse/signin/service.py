"""How our own programs on this machine sign in: no password, a signed assertion instead (RFC 7523).

Whoever can read the 0600 file of the key can make one. It is good for a minute, for one service, and once: its number
becomes the session's token, and a token begins one session only.
"""

from __future__ import annotations

import secrets
import time

import jwt

from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.signin import sessions

LIFETIME_S = 60
HEADER = "X-Wellhouse-Assertion"
ADMINISTRATOR = "administrator"
_ALGORITHM = "HS256"


def assertion(of: Settings, service: str) -> str:
    """Good for ``service``, ``superset`` or ``airflow``."""
    now = int(time.time())
    claims = {
        "sub": ADMINISTRATOR,
        "aud": service,
        "iat": now,
        "exp": now + LIFETIME_S,
        "jti": secrets.token_urlsafe(32),
    }
    return jwt.encode(claims, _key(of), _ALGORITHM)


def begin(of: Settings, service: str, presented: str) -> str:
    """The token of the new session.

    :raises WellhouseError: not ours, too old, for another service, or used before
    """
    try:
        claims = jwt.decode(
            presented, _key(of), [_ALGORITHM], audience=service,
            options={"require": ["sub", "aud", "iat", "exp", "jti"]},
        )  # fmt: skip
    except jwt.InvalidTokenError:
        raise WellhouseError("the assertion is not valid") from None
    if claims["sub"] != ADMINISTRATOR or claims["exp"] - claims["iat"] > LIFETIME_S or len(claims["jti"]) < 40:
        raise WellhouseError("the assertion is not valid")
    return sessions.begin(of, ADMINISTRATOR, f"{service} service", claims["jti"], is_program=True)


def _key(of: Settings) -> str:
    return of.secret("signin_service_key")
