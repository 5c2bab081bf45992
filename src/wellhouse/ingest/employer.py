"""Who sent a person to an exam, as a number: groups are counted by it, and nobody reads a name out of it.

The name itself is identity and stays sealed in the vault. ``dbt_project/seeds/employers.csv`` says how the centre wants
a number shown; without a line there it is shown as a code.
"""

from __future__ import annotations

from wellhouse.crypto import pseudonym
from wellhouse.ingest.identity import clean, names_nobody


def employer_key(blind_key: bytes, site: str, name: str) -> int:
    """The key of an employer at a site, however its name is spaced and whatever its width; 0: none is named."""
    said = clean(name)
    return 0 if not said or names_nobody(name) else pseudonym.record_key(blind_key, "employer", site, said)
