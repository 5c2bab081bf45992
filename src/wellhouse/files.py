"""Files that only their owner may read, and that appear complete or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def replace(path: Path, content: bytes, owner: tuple[int, int] | None = None) -> None:
    """Put ``content`` at ``path`` with mode 0600, durably, in the place of what stood there.

    :param owner: (uid, gid) of whom the file belongs to; None: ourselves
    :raises OSError: the folder is not there or not writable
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if owner:
                os.fchown(file.fileno(), *owner)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
