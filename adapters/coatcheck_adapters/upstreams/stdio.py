"""Reach an upstream that is a command speaking MCP on its stdin and stdout."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from coatcheck.pipes import Sink, Source, open_sink, open_source
from coatcheck_adapters.upstreams.command import Command

# Shutting down: how long the upstream has after its stdin is closed, after SIGTERM, after SIGKILL.
CLOSE_SECONDS = 2.0
TERM_SECONDS = 2.0
KILL_SECONDS = 1.0
# An upstream that has exited while a child holds its stdout has this long to say the rest.
LEFTOVER_SECONDS = 0.5
# How long the exit status may come after the end of stdin or stdout.
STATUS_SECONDS = 0.25
# What it wrote to stderr last may take this long to get through.
LOG_SECONDS = 0.2
# A longer line of its log is broken.
LOG_LINE_BYTES = 1 << 16
FIRST_BACKOFF_SECONDS = 0.1
MOST_BACKOFF_SECONDS = 5.0
# An upstream that ran this long was well; its death starts the backoff anew.
WELL_SECONDS = 10.0

Feed = Callable[[list[bytes]], None]
Ended = Callable[[str], None]


class StdioUpstream:
    """A command that is started, watched, started again on demand, and stopped within bounds.

    process is its first start when that has been made already.
    """

    def __init__(
        self,
        command: Command,
        process: "subprocess.Popen[bytes] | None" = None,
    ) -> None:
        self.name = command.name
        self._command = command
        self._started = process
        self._run: _Run | None = None
        self._failures = 0
        self._held = False

    @property
    def running(self) -> bool:
        """Tell whether it takes messages."""
        return self._run is not None and self._run.running

    async def start(self, feed: Feed, ended: Ended, full: Callable[[bool], None]) -> None:
        """Start the command; after a failure wait out the backoff first.

        Raises: UpstreamError when the command cannot be started.
        """
        if self._run is not None:
            await self._settle(self._run)
        process, self._started = self._started or self._command.start(), None
        run = _Run(self._command, process, feed, ended)
        self._run = run
        await run.connect(full)
        run.hold(self._held)

    async def _settle(self, run: "_Run") -> None:
        loop = asyncio.get_running_loop()
        await run.stop(0.0)
        well = run.ended_at - run.started_at > WELL_SECONDS
        self._failures = 1 if well else self._failures + 1
        doubled = FIRST_BACKOFF_SECONDS * 2.0 ** min(self._failures - 1, 10)
        backoff = min(MOST_BACKOFF_SECONDS, doubled)
        await asyncio.sleep(max(0.0, run.ended_at + backoff - loop.time()))

    def send(self, data: bytes) -> None:
        """Write whole lines to it."""
        if self._run is not None:
            self._run.send(data)

    def hold(self, on: bool) -> None:
        """Stop taking lines of it, or go on."""
        self._held = on
        if self._run is not None:
            self._run.hold(on)

    async def stop(self) -> None:
        """Close its stdin, wait, terminate its group, wait, kill its group."""
        if self._run is not None:
            await self._run.stop(CLOSE_SECONDS)
            self._run.join_log()
        self._command.close()


class _Run:
    """One life of the command, from its start to the end of its process group."""

    def __init__(
        self, command: Command, process: "subprocess.Popen[bytes]", feed: Feed, ended: Ended
    ) -> None:
        self._command = command
        self._name = command.name
        self._process = process
        self._feed = feed
        self._report: Ended | None = ended
        self._loop = asyncio.get_running_loop()
        self._sink: Sink | None = None
        self._source: Source | None = None
        self._silent = False  # stdout is at its end
        self._stopping = False
        self._exited = False
        self._gone = asyncio.Event()
        self.started_at = self.ended_at = self._loop.time()
        self._log = threading.Thread(target=self._relay_stderr, name="coatcheck-log", daemon=True)
        self._log.start()
        threading.Thread(target=self._wait, name="coatcheck-wait", daemon=True).start()

    async def connect(self, full: Callable[[bool], None]) -> None:
        """Join its stdin and stdout to the event loop."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        self._sink = await open_sink(stdin, full, self._pipe_ended, self._loop)
        self._source = await open_source(stdout, self._feed, self._stdout_ended, self._loop)

    @property
    def running(self) -> bool:
        """Tell whether it takes messages."""
        return self._report is not None

    def send(self, data: bytes) -> None:
        """Write whole lines to it."""
        if self._sink is not None:
            self._sink.send(data)

    def hold(self, on: bool) -> None:
        """Stop taking lines of it, or go on."""
        if self._source is not None:
            self._source.hold(on)

    async def stop(self, close_seconds: float) -> None:
        """End it politely, then less so; afterwards nothing of its group is left."""
        self._stopping = True
        if self._sink is not None:
            self._sink.close()
        if not await self._is_gone(close_seconds):
            self._signal(signal.SIGTERM)
            if not await self._is_gone(TERM_SECONDS):
                self._kill()
                await self._is_gone(KILL_SECONDS)
        self._finish()

    def join_log(self) -> None:
        """Let the last lines of its log through."""
        self._log.join(LOG_SECONDS)

    async def _is_gone(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        return self._gone.is_set()

    # What the threads and the pipe report

    def _wait(self) -> None:
        self._process.wait()
        with suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(self._process_exited)

    def _process_exited(self) -> None:
        self._exited = True
        if self._silent:
            self._finish()
        else:
            self._loop.call_later(LEFTOVER_SECONDS, self._finish)

    def _stdout_ended(self, _unfinished: bytes) -> None:
        self._silent = True
        if self._exited:
            self._finish()
        else:
            self._pipe_ended()

    def _pipe_ended(self) -> None:
        if not self._stopping:
            self._loop.call_later(STATUS_SECONDS, self._give_up)

    def _give_up(self) -> None:
        """Treat it as dead: it lives, but hears or says nothing any more."""
        self._tell()
        if not self._gone.is_set():
            self._signal(signal.SIGTERM)
            self._loop.call_later(TERM_SECONDS, self._kill)

    def _finish(self) -> None:
        """Kill what is left of the group; say once what became of the upstream."""
        if self._gone.is_set():
            return
        self._gone.set()
        self._kill()
        self._command.ended()
        if self._source is not None:
            self._source.close()
        if self._sink is not None:
            self._sink.close()
        self._tell()

    def _tell(self) -> None:
        if self._report is not None:
            report, self._report = self._report, None
            self.ended_at = self._loop.time()
            report(f"upstream {self._name!r} {self._fate()}")

    def _fate(self) -> str:
        status = self._process.returncode
        if status is None:
            return "closed its stdin or stdout"
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"exited with status {status}"

    def _kill(self) -> None:
        self._signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the whole group of the upstream."""
        with suppress(OSError):  # nobody is left
            if sys.platform == "win32":
                self._process.send_signal(number)
            else:
                os.killpg(self._process.pid, number)

    def _relay_stderr(self) -> None:
        """Copy its stderr to ours, each line with its name; a reader that stalls stalls this."""
        stderr = self._process.stderr
        assert stderr is not None
        prefix = b"[%b] " % self._name.encode()
        with (
            suppress(OSError, ValueError),
            stderr,
            os.fdopen(stderr.fileno(), "rb", closefd=False) as log,
        ):
            while line := log.readline(LOG_LINE_BYTES):
                _write(prefix + line.rstrip(b"\r\n") + b"\n")


def _write(line: bytes) -> None:
    with suppress(OSError, ValueError):  # nobody reads it; the upstream must not feel that
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
