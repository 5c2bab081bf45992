"""AES-256-GCM (NIST SP 800-38D): a random 96-bit nonce before the ciphertext and its 128-bit tag."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wellhouse.errors import WellhouseError

KEY_BYTES = 32
NONCE_BYTES = 12


def seal(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """``nonce || ciphertext || tag``; ``aad`` (where it is kept, under which key) must be given again to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def unseal(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext.

    :raises WellhouseError: another key, another place, or a changed byte.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError):  # ValueError: not even as long as a nonce and a tag
        raise WellhouseError("a sealed value does not open: wrong key, wrong place or changed bytes") from None
