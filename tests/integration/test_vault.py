"""One person however often a file says so, and the last word on a person is the one that is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


class Interrupted(Vault):
    """A loader that another one overtakes once, between its look and its word."""

    meanwhile: Callable[[], Any] | None = None

    def _give_keys(self, rows: list[Any]) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        super()._give_keys(rows)


def test_two_loaders_do_not_give_a_person_two_id_numbers(stack: Settings) -> None:
    """Each knows a record number without an ID number, and brings another one: the second is not the same person."""

    def numbered(number: str) -> Claim:
        return Claim((Identifier("id_number", "CN", number), Identifier("mrn", "vault-test", "4")), {})

    with db.connect("wh_ingest", stack) as one, db.connect("wh_ingest", stack) as two, Keyring.open(stack) as keyring:
        (person,) = Vault(one, keyring).resolve([claim("4")], "hz")
        late = Interrupted(one, keyring)
        late.meanwhile = lambda: Vault(two, keyring).resolve([numbered("vault-test-a")], "hz")
        assert late.resolve([numbered("vault-test-b")], "hz") == [None]
        assert Vault(one, keyring).resolve([numbered("vault-test-a")], "hz") == [person]


def test_two_loaders_keep_what_each_says_of_a_person(stack: Settings) -> None:
    with db.connect("wh_ingest", stack) as one, db.connect("wh_ingest", stack) as two, Keyring.open(stack) as keyring:
        (person,) = Vault(one, keyring).resolve([claim("5", name="n")], "hz")
        late = Interrupted(one, keyring)
        late.meanwhile = lambda: Vault(two, keyring).resolve([claim("5", phone="p")], "hz")
        assert late.resolve([claim("5", address="a")], "hz") == [person]
        assert person is not None
        assert reveal(one, keyring, person.person_key) == {"name": "n", "phone": "p", "address": "a"}
