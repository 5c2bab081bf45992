"""What an HL7 v2 message asks to be answered: its header, and the acknowledgment (ACK, MSA) in its own separators."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from dataclasses import dataclass

from wellhouse.ingest.formats import hl7v2_fields as fields
from wellhouse.ingest.formats.hl7v2_message import Refused, check_header

ACCEPTED, ERROR, REJECTED = "AA", "AE", "AR"
_CONTROL = re.compile(r"[\x00-\x1f]")
START, END = b"\x0b", b"\x1c\r"


@dataclass(frozen=True)
class Heading:
    """MSH of a message, raw but for application and facility: ``fields[n - 1]`` is MSH-n."""

    fields: list[str]
    application: str
    facility: str


def heading(message: bytes) -> Heading:
    """
    :param message: without its frame
    :raises Refused: no MSH segment that could be read, or a message of another type than ORU^R01
    """
    if not message.startswith(b"MSH"):
        raise Refused("no_msh", "a message that starts with an MSH segment")
    line = re.split(rb"[\r\n]", message, maxsplit=1)[0].decode("latin-1")
    marks = fields.marks(line, "latin-1")
    if marks is None:
        raise Refused("bad_separators", "four different separators in MSH-1 and MSH-2")
    msh = line.split(marks.field)
    if len(msh) < 10 or not msh[9]:
        raise Refused("no_control_id", "a message control ID in MSH-10")
    check_header(msh, marks)
    if b"\0" in message:
        raise Refused("nul_character", "text without NUL bytes")
    said = [marks.plain(marks.component_of(msh[place], 1)) for place in (2, 3)]
    return Heading(msh, *said)


def acknowledgment(message: bytes, code: str, text: str = "") -> bytes:
    """The framed answer to a message, whatever is left of it: who sent it, its control ID, ``code`` and why."""
    line = re.split(rb"[\r\n]", message, maxsplit=1)[0].decode("latin-1") if message.startswith(b"MSH") else ""
    marks = fields.marks(line, "latin-1") or fields.marks("MSH|^~\\&|", "latin-1")
    assert marks is not None
    msh = line.split(marks.field) if line else []
    said = {n: _CONTROL.sub("", msh[n - 1]) if len(msh) >= n else "" for n in (2, 3, 4, 5, 6, 10, 11, 12)}
    now = dt.datetime.now().astimezone().strftime("%Y%m%d%H%M%S%z")
    join = marks.field.join
    header = join([
        "MSH", said[2] or "^~\\&", said[5], said[6], said[3], said[4], now, "",
        f"ACK{marks.component}R01", secrets.token_hex(8), said[11] or "P", said[12] or "2.5.1",
    ])  # fmt: skip
    answer = join(["MSA", code, said[10], marks.escaped(text)] if text else ["MSA", code, said[10]])
    return START + f"{header}\r{answer}\r".encode("latin-1", "replace") + END
