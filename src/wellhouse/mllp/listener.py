"""The MLLP listener: TLS only, known senders only; a message is acknowledged (AA) once it is on disk.

AR: not framed, no ORU^R01, not from a sender that is allowed; AE: it could not be stored, send it again.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass

from wellhouse.errors import WellhouseError
from wellhouse.ingest.formats.hl7v2_message import Refused
from wellhouse.mllp import senders
from wellhouse.mllp.answer import ACCEPTED, END, ERROR, REJECTED, START, Heading, acknowledgment, heading
from wellhouse.mllp.senders import Sender
from wellhouse.mllp.spool import Spool
from wellhouse.settings import Settings

LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Limits:
    """What one peer may take of this machine; times in seconds."""

    message_bytes: int = 16 << 20
    connections: int = 200
    handshake_s: float = 10
    message_s: float = 30
    idle_s: float = 900
    at_once: int = 1000
    """Messages of one synchronisation of the disk."""


@dataclass(frozen=True)
class _Waiting:
    site: str
    message: bytes
    stored: asyncio.Future[None]


class Listener:
    """Takes messages on this machine's own address, or on every one, until it is told to stop."""

    def __init__(self, of: Settings, limits: Limits = Limits()) -> None:
        self._of, self._limits = of, limits
        self._spool = Spool(senders.folder(of), of.inbox, of.mllp_batch_minutes * 60)
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(maxsize=4 * limits.at_once)
        self._open: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self.serve(stop)

    async def serve(self, stop: asyncio.Event) -> None:
        """Until ``stop``; what waits is stored and moved into the inbox before this returns."""
        # a name for other machines need not be an address of this one, and our own health is asked on this one's
        host = LOCAL[0] if self._of.mllp_host in LOCAL else None
        server = await asyncio.start_server(
            self._connected, host, self._of.mllp_port, ssl=_context(self._of),
            ssl_handshake_timeout=self._limits.handshake_s, limit=self._limits.message_bytes,
        )  # fmt: skip
        own = [asyncio.create_task(self._store()), asyncio.create_task(self._move())]
        _say(f"listening on {host or 'every address'}, port {self._of.mllp_port}")
        async with server:
            await stop.wait()
            server.close()
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
        for task in own:
            task.cancel()
        await asyncio.gather(*own, return_exceptions=True)
        self._spool.move_all()
        self._spool.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        peer = str(writer.get_extra_info("peername")[0])
        try:
            known = self._known(peer, writer)
            if known and len(self._open) <= self._limits.connections:
                await self._talk(reader, writer, known, peer)
            else:
                _say(f"{peer}: {'too many connections' if known else 'no sender that is allowed'}, closed")
        except (OSError, asyncio.IncompleteReadError):
            pass  # the peer went away; what was not acknowledged it sends again
        finally:
            self._open.discard(task)
            writer.close()
            with suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 5)

    def _known(self, peer: str, writer: asyncio.StreamWriter) -> list[Sender]:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        certificate = senders.fingerprint(shown) if shown else None
        try:
            return [s for s in senders.load(self._of) if s.is_peer(peer, certificate)]
        except WellhouseError as error:
            _say(str(error))
            return []

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, known: list[Sender], peer: str
    ) -> None:
        while True:
            message, flaw = await self._next(reader)
            if flaw:
                _say(f"{peer}: {flaw}, closed")
                await self._answer(writer, acknowledgment(message, REJECTED, flaw))
            if flaw or not message:
                return
            await self._answer(writer, await self._take(message, known, peer))

    async def _next(self, reader: asyncio.StreamReader) -> tuple[bytes, str]:
        """(the next message without its frame, what is wrong with the framing); both empty: the peer is done."""
        first = await asyncio.wait_for(_after_blanks(reader), self._limits.idle_s)
        if not first:
            return b"", ""
        if first != START:
            return b"", "bad framing: expected a start block (0x0B)"
        try:
            framed = await asyncio.wait_for(reader.readuntil(END), self._limits.message_s)
        except asyncio.LimitOverrunError:
            return b"", f"message too long: at most {self._limits.message_bytes} bytes"
        except TimeoutError:
            return b"", "bad framing: no end block (0x1C 0x0D)"
        message = framed[: -len(END)]
        if not message:
            return b"", "bad framing: nothing between start and end block"
        if START in message or END[:1] in message:
            return message, "bad framing: a block inside a block"
        return message, ""

    async def _take(self, message: bytes, known: list[Sender], peer: str) -> bytes:
        """Store it and say so."""
        try:
            said = heading(message)
            site = _site(said, known)
        except Refused as refused:
            _say(f"{peer}: {refused.reason}, rejected")
            return acknowledgment(message, REJECTED, f"{refused.reason}: expected {refused.expected}")
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Waiting(site, message, stored))
        try:
            await asyncio.shield(stored)
        except OSError as error:
            _say(f"{site}: not stored, {type(error).__name__} {error.errno}")
            return acknowledgment(message, ERROR, "not stored: send it again")
        return acknowledgment(message, ACCEPTED)

    async def _answer(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)
        await asyncio.wait_for(writer.drain(), self._limits.message_s)

    async def _store(self) -> None:
        """What several peers sent meanwhile goes to disk together."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._limits.at_once and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            for site in dict.fromkeys(w.site for w in batch):
                of_site = [w for w in batch if w.site == site]
                try:
                    await asyncio.to_thread(self._spool.put, site, [w.message for w in of_site])
                except OSError as error:
                    for waiting in of_site:
                        if not waiting.stored.done():
                            waiting.stored.set_exception(error)
                    continue
                for waiting in of_site:
                    if not waiting.stored.done():
                        waiting.stored.set_result(None)

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(min(self._of.mllp_batch_minutes * 60, 30))
            try:
                for path in await asyncio.to_thread(self._spool.move_due):
                    _say(f"{path.relative_to(self._of.inbox)} is in the inbox")
            except OSError as error:
                _say(f"a file stays out of the inbox, {type(error).__name__} {error.errno}: tried again")


def _site(said: Heading, known: list[Sender]) -> str:
    """
    :raises Refused: no sender of this connection says so, or those that do are of several sites
    """
    sites = {s.site for s in known if s.says(said.application, said.facility)}
    if len(sites) != 1:
        raise Refused("unknown_sender", "MSH-3 and MSH-4 of one sender that is allowed")
    return sites.pop()


async def _after_blanks(reader: asyncio.StreamReader) -> bytes:
    """The next byte that is no line end; nothing at the end."""
    while (byte := await reader.read(1)) in (b"\r", b"\n"):
        pass
    return byte


def _context(of: Settings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(of.tls / "mllp.crt", of.tls / "mllp.key")
        trusted = senders.folder(of) / "clients.pem"
        if trusted.exists():
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(trusted)
    except OSError as error:
        raise WellhouseError(f"no certificate to listen with ({error.strerror}): `make up` first") from None
    return context


def _say(line: str) -> None:
    """Never a word of a message: only who, where and what became of it."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {line}", flush=True)
