"""The demo's artifact bundle: a minified script with its source map, so that `symbolicate` has something to read."""

from __future__ import annotations

import io
import json
import zipfile

from gql_releases.blobs.blob_store import BlobStore
from gql_releases.blobs.bundle import read_contents
from gql_releases.domain.assembly import AssemblyKind, AssemblyRequest
from gql_releases.domain.blob import BlobKind
from gql_releases.domain.principal import Principal
from gql_releases.storage.store import Store

VERSION, PROJECT = "web@1.4.0+77", "web"
DEBUG_ID = "5f0e9a36-6d1b-4c55-9a3e-0c7be0a4d8f1"
SCRIPT_URL, MAP_URL = "~/static/basket.min.js", "~/static/basket.min.js.map"
ORIGINAL = """export interface Item {
  name: string
  price?: number
}

export function total(items: Item[]): number {
  let sum = 0
  for (const item of items) {
    if (item.price === undefined) {
      throw new TypeError(`${item.name} has no price`)
    }
    sum += item.price
  }
  return sum
}

export function checkout(items: Item[]): string {
  return `Total: ${total(items).toFixed(2)}`
}
"""
SCRIPT = (
    "function t(e){let n=0;for(const r of e){if(r.price===void 0)throw new TypeError(`${r.name} has no price`);n+=r.price}"
    "return n}function o(e){return`Total: ${t(e).toFixed(2)}`}\n"
    "//# sourceMappingURL=basket.min.js.map\n"
    f"//# debugId={DEBUG_ID}\n"
)
SOURCE_MAP = {
    "version": 3,
    "file": "basket.min.js",
    "sources": ["../src/basket.ts"],
    "sourcesContent": [ORIGINAL],
    "names": ["total", "items", "sum", "item", "checkout"],
    "mappings": (
        "AAKO,SAASA,EAAMC,GACpB,IAAIC,IACJ,UAAWC,KAAQF,GACjB,GAAIE,iBACF,MAAM,cAAc,0BAEtBD,GAAOC,QAET,OAAOD,EAGF,SAASE,EAASH,"
        "GACvB,gBAAiBD,EAAMC,EAAM"
    ),
    "debug_id": DEBUG_ID,
}
STACK = """TypeError: Lamp has no price
    at t (https://shop.example/static/basket.min.js:1:61)
    at o (https://shop.example/static/basket.min.js:1:157)"""
"""An error of the script, as a browser reports it."""


def build_bundle() -> bytes:
    """Return the bundle as sentry-cli builds it."""
    files = {
        SCRIPT_URL: ("minified_source", SCRIPT.encode(), {"sourcemap": "basket.min.js.map"}),
        MAP_URL: ("source_map", json.dumps(SOURCE_MAP).encode(), {}),
    }
    target, entries = io.BytesIO(), {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for url, (kind, data, headers) in files.items():
            path = f"files/_/_/{url.rpartition('/')[2]}"
            archive.writestr(zipfile.ZipInfo(path), data)
            entries[path] = {"type": kind, "url": url, "headers": {**headers, "debug-id": DEBUG_ID}}
        manifest = {"files": entries, "release": VERSION, "debug_id": DEBUG_ID}
        archive.writestr(zipfile.ZipInfo("manifest.json"), json.dumps(manifest))
    return target.getvalue()


async def store_bundle(store: Store, blobs: BlobStore, operator: Principal) -> None:
    """Store the bundle for the release VERSION. Raises Unavailable."""
    data = build_bundle()
    async with await blobs.begin(BlobKind.BLOB) as writer:
        await writer.write(data)
        blob = await writer.commit()
    projects = sorted((await store.artifact_bundles.find_projects(operator, [PROJECT])).values())
    parameters = {"projects": projects, "version": VERSION, "dist": None}
    request = AssemblyRequest(AssemblyKind.ARTIFACT_BUNDLE, "", blob.sha1, (), parameters)
    await store.artifact_bundles.save_bundle(operator, request, blob, read_contents(io.BytesIO(data)))
