"""Runs command lines as processes that are forked from one that has loaded the product: a start takes milliseconds, not a second.

`python -m tests.processes FD` is that one; each pytest process starts its own at the first use.
"""

from __future__ import annotations

import array
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any

from gql_releases import commands

LOADED = ("gql_releases.app", "alembic.command", "httpx2", "cryptography.hazmat.primitives.ciphers.aead")
"""Modules that are loaded before any command line runs, beside all commands: none reads the environment when it is loaded."""
NUMBER = struct.Struct("i")
REQUEST_BYTES = 1 << 18


class Command:
    """A running command line, with the methods of subprocess.Popen that tests use."""

    def __init__(self, words: Sequence[str], status: socket.socket, files: Sequence[IO[str]]) -> None:
        """Take the words, the socket that its id and its exit code come from, and the files that it writes."""
        self.args, self._status, self._files = words, status, files
        self.returncode: int | None = None
        self._output: tuple[str, str] | None = None
        (self.pid,) = NUMBER.unpack(status.recv(NUMBER.size))

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        self._status.close()
        for file in self._files:
            file.close()

    def poll(self) -> int | None:
        """Return the exit code, None where the process runs."""
        return self._poll(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code. Raises subprocess.TimeoutExpired."""
        code = self._poll(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end and return what was written to standard output and error. Raises subprocess.TimeoutExpired."""
        self.wait(timeout)
        if self._output is None:
            for file in self._files:
                file.seek(0)
            out, err = (file.read() for file in self._files)
            self._output = out, err
            self._close()
        return self._output

    def send_signal(self, number: int) -> None:
        """Send a signal to a process that runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)

    def _poll(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            (self.returncode,) = NUMBER.unpack(self._status.recv(NUMBER.size))
        return self.returncode


def start(
    *words: str, environment: Mapping[str, str], out: IO[Any] | None = None, text: str = "", module: str = "gql_releases"
) -> Command:
    """Start a command line. It writes to the file `out`, else to files that `communicate` reads; `text` is its input."""
    own: list[IO[str]] = [] if out else [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115
    ours, theirs = socket.socketpair()
    with theirs, tempfile.TemporaryFile("w+") as values:
        values.write(text)
        values.seek(0)
        outputs = [out, out] if out else own
        descriptors = array.array("i", [theirs.fileno(), values.fileno(), *(file.fileno() for file in outputs)])
        request = json.dumps({"words": words, "environment": dict(environment), "module": module})
        _start_server()[0].sendmsg([request.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    return Command(words, ours, own)


def run(
    *words: str, environment: Mapping[str, str], text: str = "", seconds: float = 60, module: str = "gql_releases"
) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    command = start(*words, environment=environment, text=text, module=module)
    out, err = command.communicate(seconds)
    return subprocess.CompletedProcess(words, command.wait(), out, err)


@functools.cache
def _start_server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the process that forks, and return the connection to it. It ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = [sys.executable, "-m", "tests.processes", str(theirs.fileno())]
    with theirs:
        return ours, subprocess.Popen(words, pass_fds=[theirs.fileno()], env={"PATH": os.environ["PATH"]})


def _serve(connection: socket.socket) -> None:
    """Fork for each request; returns in the process that is to run a command line, and when nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 4)
        if not message:
            return
        if os.fork() == 0:
            connection.close()
            _watch(descriptors)
            _run(**json.loads(message))
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(descriptors: list[int]) -> None:
    """Fork the process that is to run a command line, where this returns; write its id and its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status, *files = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(status)
        for number, descriptor in enumerate(files):
            os.dup2(descriptor, number)
            os.close(descriptor)
        return
    for descriptor in (0, 1, 2, *files):
        os.close(descriptor)
    os.write(status, NUMBER.pack(pid))
    _, ended = os.waitpid(pid, 0)
    os.write(status, NUMBER.pack(os.waitstatus_to_exitcode(ended)))
    os._exit(0)


def _run(words: list[str], environment: dict[str, str], module: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in (*LOADED, *(f"{commands.__name__}.{module.name}" for module in pkgutil.iter_modules(commands.__path__))):
        importlib.import_module(name)
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
