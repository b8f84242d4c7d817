"""Takes the README's picture: GraphiQL over the demo, in a headless Chromium. Run by `make pictures`."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "graphiql.png"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
SIZE: ViewportSize = {"width": 1280, "height": 720}
QUERY = (
    'query Dashboard { organization(slug: "acme") { releases(first: 10, filter: {project: "web", released: true}) '
    "{ totalCount nodes { version commitCount lastCommit { message author { name } } "
    "deploys(first: 1) { nodes { environment { name } status } } } } } }"
)
"""In one line, since the editor indents each further line that is inserted."""


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(path: Path, text: str) -> str:
    """Return the file's content once it has the text."""
    for _ in range(300):
        content = path.read_text()
        if text in content:
            return content
        time.sleep(0.1)
    raise SystemExit(f"the server does not start: {path.read_text()}")


def take(page: Page, address: str) -> bytes:
    """Write the query into the first tab, run it, and return a PNG of the page."""
    page.goto(address)
    page.wait_for_selector("text=signed in as")
    page.wait_for_selector(".graphiql-query-editor >> text=totalCount")
    page.wait_for_timeout(500)
    page.click("button[aria-label='Hide editor tools']")
    page.click(".graphiql-query-editor .monaco-editor")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(QUERY)
    page.wait_for_selector(".graphiql-tab >> text=Dashboard")
    page.click("button[aria-label^='Prettify']")
    page.click(".graphiql-query-editor .monaco-editor")
    page.keyboard.press("Control+Home")  # which scrolls to the left, too
    page.wait_for_timeout(500)  # GraphiQL looks for the operation's name a tenth of a second after a change
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=web@1.5.3")
    page.mouse.move(SIZE["width"] / 2, 2)
    page.wait_for_timeout(1500)
    return page.screenshot(animations="disabled")


def read_pixels(png: bytes) -> tuple[int, int, bytearray]:
    """Return width, height and the RGB bytes of a PNG with 8 bits a channel, without interlacing."""
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    channels = {2: 3, 6: 4}[kind]
    if depth != 8 or interlaced:
        raise SystemExit("not a PNG as Chromium writes it")
    data, place = b"", 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += 12 + length
    raw, stride, pixels = zlib.decompress(data), width * channels, bytearray()
    above = bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        method, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for i in range(stride) if method else ():
            left = line[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            line[i] = (line[i] + predict(method, left, above[i], corner)) & 255
        above = line
        for i in range(0, stride, channels):
            pixels += line[i : i + 3]
    return width, height, pixels


def predict(method: int, left: int, up: int, corner: int) -> int:
    """Return what a PNG filter adds to a byte (https://www.w3.org/TR/png-3/#9Filter-types)."""
    if method == 4:
        distances = [(abs(up - corner), left), (abs(left - corner), up), (abs(left + up - 2 * corner), corner)]
        return min(distances, key=lambda pair: pair[0])[1]
    return (0, left, up, (left + up) // 2)[method]


def write_palette(width: int, height: int, pixels: bytearray) -> bytes:
    """Return a PNG with the 256 most frequent colours; other pixels get the nearest of these."""
    colours = Counter(bytes(pixels[i : i + 3]) for i in range(0, len(pixels), 3))
    palette = [colour for colour, _ in colours.most_common(256)]
    index = {colour: number for number, colour in enumerate(palette)}
    for colour in colours:
        if colour not in index:
            index[colour] = min(
                range(len(palette)), key=lambda n: sum((a - b) ** 2 for a, b in zip(palette[n], colour, strict=True))
            )
    rows = b"".join(
        b"\0" + bytes(index[bytes(pixels[i : i + 3])] for i in range(row * width * 3, (row + 1) * width * 3, 3))
        for row in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("Chromium is needed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        environment = {**os.environ, "GQL_RELEASES_DATABASE_URL": f"sqlite:///{folder}/demo.db"}
        with log.open("wb") as output:
            command = [sys.executable, "-m", "gql_releases", "serve", "--demo", "--port", str(free_port())]
            server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            text = wait_for(log, "startup complete")
            address = next(word for word in text.split() if "/graphql#token=" in word)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
                png = take(browser.new_page(viewport=SIZE, color_scheme="light"), address)
                browser.close()
        finally:
            server.terminate()
            server.wait(20)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(write_palette(*read_pixels(png)))
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
