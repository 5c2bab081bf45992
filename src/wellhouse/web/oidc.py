"""Signing in at the organisation's own provider (OpenID Connect Core 1.0), which has asked for two factors.

The provider says so in the claim ``amr`` (RFC 8176): without ``mfa`` in it nobody comes in. authlib has verified the
token's signature, audience, issuer, expiry and nonce before any of this is asked.
"""

from __future__ import annotations

from typing import Any

from flask import flash, session

from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.signin import sessions
from wellhouse.web.gate import SESSION
from wellhouse.web.texts import texts

NAME = "oidc"
PATHS = frozenset({f"/login/{NAME}", f"/oauth-authorized/{NAME}"})


def provider(of: Settings) -> dict[str, Any]:
    """As Flask-AppBuilder's ``OAUTH_PROVIDERS`` wants it."""
    return {
        "name": NAME,
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": of.oidc_client_id,
            "client_secret": of.secret("oidc_client_secret"),
            "server_metadata_url": f"{(of.oidc_issuer or '').rstrip('/')}/.well-known/openid-configuration",
            "client_kwargs": {"scope": "openid profile", "code_challenge_method": "S256"},
        },
    }


def username(of: Settings, response: dict[str, Any]) -> dict[str, str]:
    """Whom the provider names.

    :raises WellhouseError: no identity token, no second factor, or no name
    """
    claims = response.get("userinfo") or {}
    methods = claims.get("amr")
    if not isinstance(methods, list) or "mfa" not in methods:
        raise WellhouseError("the provider does not say that two factors were shown (amr: mfa)")
    name = claims.get(of.oidc_username_claim)
    if not isinstance(name, str) or not name:
        raise WellhouseError(f"the provider's token has no claim {of.oidc_username_claim}")
    return {"username": name}


def begin(of: Settings, user: Any) -> Any:
    """The session of somebody who has an account here and is cleared; None: neither."""
    if user is None:
        return None
    try:
        session[SESSION] = sessions.begin(of, user.username, "superset oidc")
    except WellhouseError:
        words = texts()["refused"]
        flash(words.get(sessions.state(of, user.username), words["unknown"]), "danger")
        return None
    return user
