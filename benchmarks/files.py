"""Measures uploads beside a bare ASGI handler that stores the same chunks, and `symbolicate` with a large source map."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import http.client
import io
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import servers
from benchmarks.items import Server
from benchmarks.processes import end_with_care, free_port, memory_of, running
from benchmarks.stores import Stores, opened, say
from tests.source_maps import Token, encode_mappings

HERE = Path(__file__).parent
CLIENTS = 8
PARTS_PER_REQUEST = 16
BOUNDARY = "benchmark-of-files"
FRAMES = 50
MAP_BYTES = 7 * 1024 * 1024
SYMBOLICATE = (
    "query($input: SymbolicateInput!) { symbolicate(input: $input) "
    "{ complete frames { symbolicated file line column function contextLine } } }"
)
PARSE_MAP = (
    "import sys, time; from symbolic.sourcemapcache import SourceMapCache; "
    "source, source_map = (open(path, 'rb').read() for path in sys.argv[1:]); begin = time.perf_counter(); "
    "SourceMapCache.from_bytes(source, source_map); print(time.perf_counter() - begin)"
)


def encode_chunks(chunks: list[bytes]) -> bytes:
    """Return the body of an upload, as sentry-cli builds it."""
    parts = []
    for chunk in chunks:
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file_gzip"; '
            f'filename="{hashlib.sha1(chunk).hexdigest()}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        parts.append(head.encode() + gzip.compress(chunk, 1) + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def draw_uploads(files: int, size: int, seed: int) -> list[list[bytes]]:
    """Return the bodies of each client: files whose text is half random, so that gzip halves it."""
    draw = random.Random(seed)
    chunks = [draw.randbytes(size // 2).hex().encode() for _ in range(files)]
    bodies: list[list[bytes]] = [[] for _ in range(CLIENTS)]
    for number, start in enumerate(range(0, files, PARTS_PER_REQUEST)):
        bodies[number % CLIENTS].append(encode_chunks(chunks[start : start + PARTS_PER_REQUEST]))
    return bodies


def upload(port: int, token: str, path: str, bodies: list[list[bytes]]) -> float:
    """Send the bodies of all clients at once and return the seconds. Raises RuntimeError for a response that is not 200."""
    failures: list[str] = []
    ready = threading.Barrier(len(bodies) + 1)

    def run(own: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        ready.wait()
        for body in own:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                failures.append(f"{response.status} {text[:200]!r}")

    threads = [threading.Thread(target=run, args=[own]) for own in bodies]
    for thread in threads:
        thread.start()
    ready.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if failures:
        raise RuntimeError(failures[0])
    return seconds


@contextlib.contextmanager
def serve_bare(folder: Path) -> Iterator[int]:
    """Serve the bare handler and return its port."""
    port = free_port()
    words = [sys.executable, str(HERE / "bare_upload.py"), "--folder", str(folder / "bare"), "--port", str(port)]
    with running(words, port, folder / "bare.log"):
        yield port


def measure_uploads(stores: Stores, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the seconds of each round for both servers, the ratio of their rates, and the gateway's growth in MiB."""
    rounds, growth = [], []
    for number in range(options.rounds):
        bodies = draw_uploads(options.files, options.bytes // options.files, number)
        with contextlib.ExitStack() as stack:
            server = servers.ours(stack, stores, folder, options.releases, f"uploads_{number}")
            path = "/api/0/organizations/acme/chunk-upload/"
            bare = stack.enter_context(serve_bare(folder))
            idle = memory_of(server.process)["peak_rss_mib"]
            seconds = {}
            for name in ("bare", "ours") if number % 2 else ("ours", "bare"):
                port = bare if name == "bare" else server.port
                seconds[name] = upload(port, server.token, path, bodies)
            growth.append(memory_of(server.process)["peak_rss_mib"] - idle)
        stores.drop(server.url)
        rounds.append(seconds)
        say(f"round {number + 1}: ours {seconds['ours']:.2f} s, bare {seconds['bare']:.2f} s")
    ratio = statistics.median(row["bare"] / row["ours"] for row in rounds)
    return {"rounds": rounds, "ratio": ratio, "growth_mib": max(growth)}


def build_large_map(size: int) -> tuple[bytes, bytes]:
    """Return a minified script of one line and its map of about so many bytes, with the text of its sources."""
    draw = random.Random(1)
    sources: list[str] = []
    contents: list[str] = []
    minified: list[str] = []
    tokens: list[Token] = []
    written = column = 0
    while written < size:
        number = len(sources)
        lines = [
            f"export function handler_{number}_{line}(value) {{ return value + {draw.random()}; }}" for line in range(60)
        ]
        contents.append("\n".join(lines))
        sources.append(f"../src/module_{number}.ts")
        for line in range(60):
            text = f"function h{number}_{line}(a){{return a+1}}"
            tokens += [
                (column, number, line, 7, None),
                (column + 9, number, line, 16, None),
                (column + 20, number, line, 40, None),
            ]
            minified.append(text)
            column += len(text)
        written += len(contents[-1]) + 60 * 3 * 6
    source_map = {
        "version": 3, "file": "large.min.js", "sources": sources, "sourcesContent": contents, "names": [],
        "mappings": encode_mappings([tokens]),
    }  # fmt: skip
    return "".join(minified).encode() + b"\n//# sourceMappingURL=large.min.js.map\n", json.dumps(source_map).encode()


def build_bundle(script: bytes, source_map: bytes, debug_id: str) -> bytes:
    """Return an artifact bundle with a script and its map."""
    files = {
        "files/_/_/large.min.js": ("minified_source", "~/large.min.js", script),
        "files/_/_/large.min.js.map": ("source_map", "~/large.min.js.map", source_map),
    }
    entries = {path: {"type": kind, "url": url, "headers": {"debug-id": debug_id}} for path, (kind, url, _) in files.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, (_, _, data) in files.items():
            archive.writestr(path, data)
        archive.writestr("manifest.json", json.dumps({"files": entries, "debug_id": str(uuid.uuid4())}))
    return target.getvalue()


def request_json(server: Server, path: str, body: Any) -> Any:
    """Send JSON and return the response's. Raises RuntimeError unless its status is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json", "Accept": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise RuntimeError(f"{path}: {response.status} {text[:300]!r}")
    return json.loads(text)


def upload_bundle(server: Server, bundle: bytes, project: str) -> None:
    """Upload and assemble a bundle. Raises RuntimeError if that fails."""
    size = 8 * 1024 * 1024
    chunks = [bundle[start : start + size] for start in range(0, len(bundle), size)]
    upload(
        server.port, server.token, "/api/0/organizations/acme/chunk-upload/", [[encode_chunks([chunk]) for chunk in chunks]]
    )
    body = {
        "checksum": hashlib.sha1(bundle).hexdigest(),
        "chunks": [hashlib.sha1(chunk).hexdigest() for chunk in chunks],
        "projects": [project],
        "version": "files@1.0.0",
    }
    for _ in range(300):
        status = request_json(server, "/api/0/organizations/acme/artifactbundle/assemble/", body)
        if status["state"] == "ok":
            return
        if status["state"] == "error":
            break
        time.sleep(0.1)
    raise RuntimeError(f"the bundle was not assembled: {status}")


def time_query(server: Server, query: Any, check: Callable[[Any], None] | None = None) -> float:
    """Return the milliseconds of a GraphQL request, whose response is then checked."""
    begin = time.perf_counter()
    response = request_json(server, "/graphql", query)
    milliseconds = (time.perf_counter() - begin) * 1000
    if check is not None:
        check(response)
    return milliseconds


def measure_symbolicate(stores: Stores, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the milliseconds of `symbolicate`, warm and cold, of parsing the map alone, and of point reads meanwhile."""
    script, source_map = build_large_map(MAP_BYTES)
    (folder / "large.min.js").write_bytes(script)
    (folder / "large.min.js.map").write_bytes(source_map)
    debug_id, project = str(uuid.uuid4()), options.project
    columns = random.Random(2).sample(range(len(script) - 200), FRAMES)
    frames = [{"url": "app:///large.min.js", "line": 1, "column": column, "debugId": debug_id} for column in columns]
    query = {
        "query": SYMBOLICATE,
        "variables": {"input": {"organization": "acme", "project": project, "stack": {"frames": frames}}},
    }
    point = {"query": "{ viewer { organization { slug } } }"}
    cold, parse, warm, reads = [], [], [], []
    for number in range(options.rounds):
        with contextlib.ExitStack() as stack:
            server = servers.ours(stack, stores, folder, options.releases, f"symbolicate_{number}")
            upload_bundle(server, build_bundle(script, source_map, debug_id), project)
            request_json(server, "/graphql", point)
            arguments = [str(folder / "large.min.js"), str(folder / "large.min.js.map")]
            parse.append(1000 * float(subprocess.check_output([sys.executable, "-c", PARSE_MAP, *arguments])))
            is_done = threading.Event()

            def read_points(server: Server = server, is_done: threading.Event = is_done) -> None:
                while not is_done.is_set():
                    reads.append(time_query(server, point))
                    time.sleep(0.005)

            reader = threading.Thread(target=read_points)
            reader.start()
            cold.append(time_query(server, query, check))
            warm += [time_query(server, query, check) for _ in range(20)]
            is_done.set()
            reader.join()
        stores.drop(server.url)
    return {
        "map_mib": len(source_map) / 1024 / 1024,
        "cold_ms": statistics.median(cold),
        "parse_ms": statistics.median(parse),
        "warm_ms": statistics.median(warm),
        "reads_p99_ms": statistics.quantiles(reads, n=100)[98],
    }


def check(response: Any) -> None:
    """Raise RuntimeError unless each frame has its original place."""
    if "errors" in response or not all(frame["symbolicated"] for frame in response["data"]["symbolicate"]["frames"]):
        raise RuntimeError(f"not symbolicated: {json.dumps(response)[:500]}")


def main() -> None:
    """Run, print, write."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    ask.add_argument("--releases", type=int, default=400)
    ask.add_argument("--files", type=int, default=1_000)
    ask.add_argument("--bytes", type=int, default=200 * 1000 * 1000)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--project", default="web")
    ask.add_argument("--json", type=Path)
    options = ask.parse_args()
    end_with_care()
    folder = Path(tempfile.mkdtemp(prefix="gql-releases-files-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stores = stack.enter_context(opened(options.database, folder))
        result = {
            "uploads": measure_uploads(stores, folder, options),
            "symbolicate": measure_symbolicate(stores, folder, options),
        }
    uploads, symbolicate = result["uploads"], result["symbolicate"]
    print(f"uploads: {uploads['ratio']:.2f} of the bare handler's rate; the gateway grew by {uploads['growth_mib']:.0f} MiB")
    print(
        f"symbolicate, {symbolicate['map_mib']:.1f} MiB: warm {symbolicate['warm_ms']:.1f} ms, cold {symbolicate['cold_ms']:.0f} ms "
        f"(parsing alone {symbolicate['parse_ms']:.0f} ms); point reads p99 {symbolicate['reads_p99_ms']:.1f} ms"
    )
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
