"""Superset's configuration: every secret from a 0600 file, every row read as the person who asks for it.

Superset reads this file by ``SUPERSET_CONFIG_PATH``. Upper-case names override ``superset.config``.
"""

from __future__ import annotations

import logging
from codecs import BOM_UTF8
from datetime import timedelta
from typing import Any

import sqlglot
from flask import Flask, Response, g, request
from flask_appbuilder.const import AUTH_OAUTH
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool
from superset.config import (
    DISALLOWED_SQL_FUNCTIONS,
    TALISMAN_CONFIG,
    THEME_DARK,
    THEME_DEFAULT,
    WTF_CSRF_EXEMPT_LIST,
)
from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetErrorException
from superset.security import SupersetSecurityManager
from superset.sql.parse import SQLStatement

from wellhouse import db, exports
from wellhouse.settings import settings
from wellhouse.signin import sessions
from wellhouse.web import banner, current_view, first_value, gate, language, oidc, pages, rate_limit, signin

_settings = settings()

# --- secrets and metadata -------------------------------------------------------------------------------------------
SECRET_KEY = _settings.secret("superset_secret_key")
GUEST_TOKEN_JWT_SECRET = _settings.secret("superset_guest_key")
GLOBAL_ASYNC_QUERIES_JWT_SECRET = _settings.secret("superset_async_key")
SQLALCHEMY_DATABASE_URI = db.url("superset", _settings, database="superset", scheme="postgresql+psycopg2")
SQLALCHEMY_ENGINE_OPTIONS = {"pool_size": 5, "max_overflow": 10, "pool_pre_ping": True, "pool_recycle": 1800}

# --- the warehouse: one database role a reader -----------------------------------------------------------------------
NOBODY = "wh_nobody"
"""No such role exists: who is not a known reader does not get as far as a connection."""


def _role(username: str | None) -> str:
    try:
        return db.reader_role(username or "")
    except ValueError:
        return NOBODY


def DB_CONNECTION_MUTATOR(
    uri: URL, params: dict[str, Any], username: str | None, security_manager: Any, source: Any
) -> tuple[URL, dict[str, Any]]:
    """Connect as ``wh_u_<username>``: row policies ask ``session_user``, which SQL cannot change.

    Whatever host, user or option the stored URI holds is replaced: the warehouse is the only database there is.
    The name comes from the session that asks, never from the URI.
    """
    user = getattr(g, "user", None)
    known = user is not None and not user.is_anonymous
    role = _role(user.username if known else None)
    target = db.parameters(role, _settings)
    query = {k: str(target[k]) for k in ("sslmode", "sslrootcert") if k in target}
    asked = dict(params.get("connect_args", {}))
    kept = {"options": asked["options"]} if str(asked.get("options", "")).startswith("-csearch_path=") else {}
    return (
        URL.create(
            "postgresql+psycopg2", role, target["password"], target["host"], int(target.get("port", 5432)),
            target["dbname"], query | {"application_name": "superset"},
        ),
        {**params, "poolclass": NullPool, "connect_args": kept},
    )  # fmt: skip


PREVENT_UNSAFE_DB_CONNECTIONS = True
DISALLOWED_SQL_FUNCTIONS = DISALLOWED_SQL_FUNCTIONS | {
    "postgresql": DISALLOWED_SQL_FUNCTIONS["postgresql"]
    | {
        "set_config", "pg_reload_conf", "pg_cancel_backend", "pg_sleep_for", "pg_sleep_until", "pg_notify",
        "dblink", "dblink_connect", "dblink_exec", "dblink_open", "lo_import", "lo_export", "lo_get", "lo_put",
        "lo_from_bytea", "lo_create", "pg_stat_file", "pg_ls_logdir", "pg_ls_waldir", "pg_ls_tmpdir",
        "pg_logfile_rotate", "pg_logical_emit_message", "cursor_to_xml", "schema_to_xml", "ts_stat",
    },
}  # fmt: skip


def SQL_QUERY_MUTATOR(sql: str, **_: Any) -> str:
    """Every query passes here, SQL Lab's and those of charts, whose own metrics Superset looks at less closely.

    Policies decide what a query shows; this keeps readers out of each other's way. ``SET`` would take the limit off a
    query's time, ``EXPLAIN ANALYZE`` counts the rows that a policy hides.
    """
    statements = [s for s in sqlglot.parse(sql, dialect="postgres") if s is not None]
    if not all(isinstance(s, sqlglot.exp.Query | sqlglot.exp.Values) for s in statements):
        raise _refused("only queries are answered: SELECT, WITH, VALUES")
    parsed = (SQLStatement(engine="postgresql", ast=s) for s in statements)
    if any(s.check_functions_present(DISALLOWED_SQL_FUNCTIONS["postgresql"]) for s in parsed):
        raise _refused("this query has a function that is not for readers")
    return sql


def _refused(message: str) -> SupersetErrorException:
    return SupersetErrorException(SupersetError(message, SupersetErrorType.SYNTAX_ERROR, ErrorLevel.ERROR), 400)


TAKE_PASSWORDS = ("AuthDBView", "SecurityApi")


# --- who asks, and what is cached for whom ---------------------------------------------------------------------------
class SecurityManager(SupersetSecurityManager):  # type: ignore[misc]
    """Superset's own, with a second factor after the password and the reader's name in every cache key."""

    def auth_user_db(self, username: str, password: str) -> Any:
        """Beside the organisation's provider no password of ours opens anything."""
        if _settings.oidc_issuer:
            return None
        user = super().auth_user_db(username, password)
        return gate.password_checked(_settings, "superset", self, username, user)

    def oauth_user_info(self, provider: str, response: dict[str, Any]) -> dict[str, str]:
        return oidc.username(_settings, response)

    def auth_user_oauth(self, userinfo: dict[str, Any]) -> Any:
        return oidc.begin(_settings, super().auth_user_oauth(userinfo))

    def set_oauth_session(self, provider: str, oauth_response: dict[str, Any]) -> None:
        """The provider's tokens are kept nowhere: nothing is asked of it afterwards."""

    def create_jwt_manager(self, app: Flask) -> Any:
        manager = super().create_jwt_manager(app)
        manager.additional_claims_loader(gate.claims)
        return manager

    def register_views(self) -> None:
        """Limit what takes passwords: Superset 6.1 limits the page of the form only, which takes none."""
        super().register_views()
        for view in self.appbuilder.baseviews:
            if view.blueprint is not None and view.__class__.__name__ in TAKE_PASSWORDS:
                self.limiter.limit(self.auth_rate_limit, methods=["POST"])(view.blueprint)

    def on_user_logout(self, user: Any) -> None:
        signin.sign_off()

    def get_rls_cache_key(self, datasource: Any) -> list[str]:
        """Rows depend on who asks even where the rules read the same, and on what that one may see at this moment.

        Nobody gets another's cached rows, nor their own of a site that was taken away since.
        """
        from superset.utils.core import get_username

        username = get_username() or ""
        sight = sessions.sight(_settings, username)
        return [*super().get_rls_cache_key(datasource), f"reader={username}", f"sight={sight}"]


CUSTOM_SECURITY_MANAGER = SecurityManager
# In the process's memory only: rows of patients never reach a disk. Small and short, the warehouse is quick.
_MEMORY = {"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": 500, "CACHE_DEFAULT_TIMEOUT": 300}
CACHE_CONFIG = _MEMORY
DATA_CACHE_CONFIG = _MEMORY
RESULTS_BACKEND = None
STORE_CACHE_KEYS_IN_METADATA_DB = False

FEATURE_FLAGS = {
    "ALERT_REPORTS": False,
    "ALLOW_ADHOC_SUBQUERY": False,
    "CACHE_QUERY_BY_USER": True,
    "CSS_TEMPLATES": False,
    "DASHBOARD_RBAC": True,
    "EMBEDDABLE_CHARTS": False,
    "EMBEDDED_SUPERSET": False,
    "ENABLE_SUPERSET_META_DB": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
    "RLS_IN_SQLLAB": True,
    "THUMBNAILS": False,
}

# --- signing in ------------------------------------------------------------------------------------------------------
SHORTEST_PASSWORD = 14


def FAB_PASSWORD_COMPLEXITY_VALIDATOR(password: str) -> None:
    """Length and nothing else (NIST SP 800-63B 5.1.1.2): rules on kinds of characters make people write them down."""
    if len(password) < SHORTEST_PASSWORD:
        from flask_appbuilder.exceptions import PasswordComplexityValidationError

        raise PasswordComplexityValidationError(f"a password has at least {SHORTEST_PASSWORD} characters")


if _settings.oidc_issuer:
    AUTH_TYPE = AUTH_OAUTH
    OAUTH_PROVIDERS = [oidc.provider(_settings)]
AUTH_ROLE_PUBLIC = "Public"
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False
FAB_ADD_SECURITY_API = True
FAB_PASSWORD_COMPLEXITY_ENABLED = True
RATELIMIT_ENABLED = True
RATELIMIT_STORAGE_URI = f"{rate_limit.SCHEME}://"  # in PostgreSQL: a limit a worker would be one limit too many
RATELIMIT_IN_MEMORY_FALLBACK_ENABLED = True  # while PostgreSQL is away
RATELIMIT_APPLICATION = "200 per second"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "20 per minute"
SESSION_COOKIE_NAME = "__Host-wellhouse"  # by its name the browser sends it here only, and only over TLS
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
PERMANENT_SESSION_LIFETIME = timedelta(hours=9)
SESSION_PROTECTION = "strong"
WTF_CSRF_ENABLED = True
WTF_CSRF_EXEMPT_LIST = [*WTF_CSRF_EXEMPT_LIST, "wellhouse.web.signin.token"]  # it takes no cookie
WTF_CSRF_TIME_LIMIT = int(timedelta(hours=9).total_seconds())
JWT_ACCESS_TOKEN_EXPIRES = timedelta(minutes=15)
ENABLE_CORS = False
FAB_API_SWAGGER_UI = False

# --- browser ---------------------------------------------------------------------------------------------------------
# No picture, font, script or call from anywhere but here: no analytics pixel, no map tiles.
_POLICY = {
    "base-uri": ["'self'"],
    "default-src": ["'self'"],
    "img-src": ["'self'", "blob:", "data:"],
    "worker-src": ["'self'", "blob:"],
    "connect-src": ["'self'"],
    "object-src": "'none'",
    "style-src": ["'self'", "'unsafe-inline'"],
    "font-src": ["'self'", "data:"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
    "script-src": ["'self'", "'strict-dynamic'"],
}
TALISMAN_ENABLED = True
TALISMAN_CONFIG = TALISMAN_CONFIG | {
    "content_security_policy": _POLICY,
    "force_https": False,  # there is no plain port: gunicorn speaks TLS only
    "strict_transport_security": True,
    "session_cookie_secure": True,
    "frame_options": "DENY",
}
THEME_FONT_URL_ALLOWED_DOMAINS: list[str] = []
SCARF_ANALYTICS = False


LANGUAGE_PATHS = frozenset(f"{p}{code}" for code in ("zh", "en") for p in ("/lang/", "/superset/language_pack/"))
"""What the page of the password needs in order to speak the reader's language."""


def FLASK_APP_MUTATOR(app: Flask) -> None:
    """The gate before every request, our own pages behind it, and what every answer gets on its way out."""
    sign_in = oidc.PATHS if _settings.oidc_issuer else {gate.API_SIGN_IN}
    gate.Gate(_settings, "superset", LANGUAGE_PATHS | sign_in).install(app)
    app.register_blueprint(signin.blueprint)
    app.register_blueprint(signin.programs)
    app.register_blueprint(pages.blueprint)
    app.after_request(_keep_off_disk)
    app.after_request(banner.add)
    app.after_request(language.correct)
    app.after_request(first_value.add)
    app.after_request(current_view.correct)
    app.after_request(_describe)
    app.after_request(_mark_csv)  # registered last, so it comes first


def _keep_off_disk(response: Response) -> Response:
    """Rows of patients stay out of the browser's cache; only the program's own files are kept."""
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


def _mark_csv(response: Response) -> Response:
    """Every CSV begins with the byte order mark, or Excel in Chinese shows garbage (apache/superset#36374).

    What Superset streams comes from a bare ``csv.writer``: each of its cells is escaped as in the other files.
    """
    from superset.utils.csv import escape_value

    if response.mimetype != exports.CSV or response.status_code != 200:
        return response
    if response.is_streamed:
        response.make_sequence()
        response.set_data(exports.rewritten(response.get_data(), escape_value))
    elif not response.get_data().startswith(BOM_UTF8):
        response.set_data(BOM_UTF8 + response.get_data())
    return response


def _describe(response: Response) -> Response:
    """Every file of figures holds keys, not links, and says how many rows and whether more (apache/superset#40331)."""
    if response.status_code != 200 or response.mimetype not in exports.KINDS or "X-Wellhouse-Rows" in response.headers:
        return response
    data = exports.unlinked(response.get_data(), response.mimetype)
    response.set_data(data)
    rows = exports.count(data, response.mimetype)
    response.headers.update(exports.described(data, rows, rows >= _most_rows()))
    return response


def _most_rows() -> int:
    """How many rows the one who asked would have got at most."""
    asked = request.get_json(silent=True) or {}
    limits = [int(q["row_limit"]) for q in asked.get("queries", ()) if isinstance(q, dict) and q.get("row_limit")]
    if number := (request.view_args or {}).get("client_id"):  # SQL Lab
        from superset import db as metadata
        from superset.models.sql_lab import Query

        query = metadata.session.query(Query).filter_by(client_id=number).one_or_none()
        limits += [query.limit] if query is not None and query.limit else []
    return min([*limits, SQL_MAX_ROW])


# --- language, names, limits -----------------------------------------------------------------------------------------
APP_NAME = "Wellhouse"
LOGO_TOOLTIP = "Wellhouse"
_BRAND = {"brandLogoUrl": "/wellhouse/static/wellhouse.svg", "brandLogoAlt": "Wellhouse"}
THEME_DEFAULT = THEME_DEFAULT | {"token": THEME_DEFAULT["token"] | _BRAND}
THEME_DARK = THEME_DARK | {"token": THEME_DARK["token"] | _BRAND}
BABEL_DEFAULT_LOCALE = "en"
LANGUAGES = {"en": {"flag": "us", "name": "English"}, "zh": {"flag": "cn", "name": "中文"}}
CSV_EXPORT = {"encoding": "utf-8-sig"}
ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
CSV_STREAMING_ROW_THRESHOLD = SQL_MAX_ROW + 1  # no page asks for a stream, whose cells Superset does not escape
DEFAULT_SQLLAB_LIMIT = 1_000
SAMPLES_ROW_LIMIT = 200
SQLLAB_TIMEOUT = 60
SUPERSET_WEBSERVER_TIMEOUT = 60
SQLALCHEMY_EXAMPLES_URI = None
LOG_LEVEL = logging.WARNING
EXTRA_CATEGORICAL_COLOR_SCHEMES: list[dict[str, Any]] = []
