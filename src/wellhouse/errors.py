"""The one kind of error that a person is meant to read: one line, no personal value."""


class WellhouseError(Exception):
    """Work failed for a reason its reader can act on; the command line prints it and exits 1."""


class UnavailableError(WellhouseError):
    """Nothing was shown or done because what comes first is away: the audit trail, a key, PostgreSQL, a font."""
