"""One person however often a file says so, and the last word on a person is the one that is kept."""

from __future__ import annotations

from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import Claim, Identifier, Vault, reveal
from wellhouse.settings import Settings


def claim(number: str, **document: str) -> Claim:
    return Claim((Identifier("mrn", "vault-test", number),), document)


def test_a_person_is_one_and_keeps_the_last_word(stack: Settings) -> None:
    with db.connect("wh_ingest", stack) as connection, Keyring.open(stack) as keyring:
        vault = Vault(connection, keyring)
        first, other = vault.resolve([claim("1", phone="a"), claim("2", phone="z")], "hz")
        assert first is not None
        assert other is not None
        assert first.person_key != other.person_key
        for phone in ("a", "b", "a", "a"):
            assert vault.resolve([claim("1", phone=phone)], "hz") == [first]
            assert reveal(connection, keyring, first.person_key)["phone"] == phone
        assert Vault(connection, keyring).resolve([claim("1", phone="a")], "hz") == [first]


def test_a_person_said_again_at_another_site_is_known_there(stack: Settings) -> None:
    with db.connect("wh_ingest", stack) as connection, Keyring.open(stack) as keyring:
        vault = Vault(connection, keyring)
        (person,) = vault.resolve([claim("3", phone="a")], "hz")
        assert vault.resolve([claim("3", phone="a")], "sh") == [person]
        assert person is not None
        sites = connection.execute("select site from vault.person_site where person_key = %s", (person.person_key,))
        assert sorted(s for (s,) in sites) == ["hz", "sh"]
