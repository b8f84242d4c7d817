"""The worker process: reads requests from its standard input and writes a response for each to its standard output.

It ends when its input does. A crash of the library ends it, and so do its limits of memory and CPU time.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from gql_releases.domain.native_symbolication import JavaFrame, UnreadableDebugFile
from gql_releases.symbolication import debug_files, source_maps
from gql_releases.symbolication.messages import (
    LENGTH,
    READY,
    decode_file,
    decode_message,
    decode_resolve_frames,
    encode_message,
)
from gql_releases.symbolication.parsed_files import ParsedFiles

PARSED_BYTES = 384 * 1024 * 1024
"""Estimated memory of the parsed files that are kept."""
STACK_BYTES = 256 * 1024 * 1024
"""The parser of minified sources is recursive: 2,000 nested functions overflow the usual 8 MiB."""
FILE_BYTES = 2 * 1024 * 1024 * 1024
"""The largest file that a worker may write."""
_MAX_DESCRIPTORS = 2**20
"""Files and sockets of the server that uvloop passes on are closed: else a port would be in use until the worker ends."""

Operation = Callable[[ParsedFiles, dict[str, Any]], Any]

OPERATIONS: dict[str, Operation] = {
    "resolve_frames": lambda kept, job: source_maps.resolve_frames(
        kept, decode_resolve_frames(job), with_scopes=job["with_scopes"]
    ),
    "read_source_map_header": lambda kept, job: source_maps.read_source_map_header(decode_file(job["file"])),
    "list_objects": lambda kept, job: debug_files.list_objects(decode_file(job["file"])),
    "create_symcache": lambda kept, job: debug_files.create_symcache(
        decode_file(job["file"]), job["debug_id"], job["output_path"]
    ),
    "look_up_addresses": lambda kept, job: debug_files.look_up_addresses(
        kept, decode_file(job["file"]), [int(address) for address in job["addresses"]]
    ),
    "deobfuscate": lambda kept, job: debug_files.deobfuscate(
        kept, decode_file(job["file"]), [JavaFrame(*frame) for frame in job["frames"]]
    ),
}


def limit_memory(max_bytes: int) -> None:
    """Limit the address space of this process, and what it may write; no core dump is written when it crashes."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, limit in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, max_bytes), (resource.RLIMIT_FSIZE, FILE_BYTES)):
        with suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(name, (limit, limit))


def limit_cpu_time(seconds: int) -> None:
    """Let this process end after so many seconds of CPU time from now: also if the server has ended and cannot kill it."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard_limit = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + seconds, hard_limit))


def run_job(kept: ParsedFiles, request: bytes) -> bytes:
    """Return the response to a request: its result, or an error with its kind."""
    try:
        job = decode_message(request)
        return encode_message({"result": OPERATIONS[job["operation"]](kept, job)})
    except UnreadableDebugFile as error:
        return encode_message({"error": "unreadable", "message": str(error)})
    except OSError as error:
        return encode_message({"error": "file", "message": str(error)})
    except Exception as error:  # noqa: BLE001 - the server logs it and refuses the file
        return encode_message({"error": "failed", "message": f"{type(error).__name__}: {error}"})


def serve(requests: BinaryIO, responses: BinaryIO, cpu_seconds: int) -> None:
    """Answer requests until there are no more."""
    kept = ParsedFiles(PARSED_BYTES)
    _write(responses, READY)
    while len(header := requests.read(LENGTH.size)) == LENGTH.size:
        request = requests.read(LENGTH.unpack(header)[0])
        limit_cpu_time(cpu_seconds)
        _write(responses, run_job(kept, request))


def _write(responses: BinaryIO, message: bytes) -> None:
    responses.write(LENGTH.pack(len(message)) + message)
    responses.flush()


def main() -> None:
    """Serve requests with the limits that the arguments are: bytes of memory, seconds of CPU time for a request."""
    memory_bytes, cpu_seconds = map(int, sys.argv[1:3])
    os.closerange(3, _MAX_DESCRIPTORS)
    limit_memory(memory_bytes)
    # What the library prints must not be taken for a response.
    responses = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=serve, args=(sys.stdin.buffer, responses, cpu_seconds))
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
