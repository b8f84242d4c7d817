"""`symbolicateNative` and `deobfuscate`: uploaded symbols and mappings, problems, limits, tenancy."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Harness, Template
from tests.debug_files import DEBUG_ID, MAPPING, OTHER_UUID, UUID, write_breakpad, write_zip

BREAKPAD_ID = f"{DEBUG_ID}-a"
BASE = 0x7F3A10000000
NATIVE = """query ($input: SymbolicateNativeInput!) { symbolicateNative(input: $input) { complete addresses {
  address frames { function path line language } debugFile { format } problem { code message } } } }"""
JAVA = """query ($input: DeobfuscateInput!) { deobfuscate(input: $input) { complete mapping { debugId } frames {
  raw { class method line } frames { class method line file } problem { code } } } }"""


@pytest.fixture
def harness(template: Template, tmp_path: Path) -> Iterator[Harness]:
    """A project with symbols, their broken copy of another id, and a mapping."""
    harness = Harness(template, tmp_path, files=(tmp_path / "files").as_uri())
    upload(harness, write_zip({"a.sym": write_breakpad(), f"proguard/{UUID}.txt": MAPPING}))
    yield harness
    harness.close()


def upload(harness: Harness, content: bytes, organization: str = "acme") -> None:
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    path = f"projects/{organization}/web/files/dsyms/"
    response = harness.client.rest("POST", path, body, headers=headers, token=harness.tokens[organization])
    assert response.status == 201, response


def read(harness: Harness, document: str, token: str = "", **fields: Any) -> Any:
    """Return the result of a query, or its errors."""
    variables = {"input": {"organization": "acme", "project": "web", **fields}}
    response = harness.client.graphql(document, variables, token=token)
    return response["errors"] if "errors" in response else next(iter(response["data"].values()))


def image(address: int = BASE, **fields: Any) -> dict[str, Any]:
    return {"address": hex(address), "debugId": BREAKPAD_ID, **fields}


def list_problems(items: list[Any]) -> list[str | None]:
    return [item["problem"] and item["problem"]["code"] for item in items]


def test_addresses_have_their_functions(harness: Harness) -> None:
    """Relative to the image that they are in, hexadecimal or decimal."""
    images = [image(BASE * 2, debugId=OTHER_UUID), image(debugId=BREAKPAD_ID.replace("-", "").upper())]
    result = read(harness, NATIVE, images=images, addresses=[hex(BASE + 0x1008), str(BASE + 0x1000)])
    assert result["complete"] is True
    first, second = result["addresses"]
    assert first == {
        "address": hex(BASE + 0x1008), "debugFile": {"format": "BREAKPAD"}, "problem": None,
        "frames": [{"function": "crash", "path": "src/crash.c", "line": 43, "language": "unknown"}],
    }  # fmt: skip
    assert second["frames"][0]["line"] == 42


def test_images_are_found_by_code_id(harness: Harness) -> None:
    result = read(harness, NATIVE, images=[image(debugId=None, codeId="0102")], addresses=[hex(BASE + 0x1000)])
    assert result["addresses"][0]["frames"][0]["function"] == "crash"


def test_each_problem_of_an_address_has_its_code(harness: Harness) -> None:
    images = [image(size=0x9000), image(2 * BASE, debugId=OTHER_UUID), image(3 * BASE, debugId="\0"), {"address": "x"}]
    addresses = [
        hex(BASE + 0x10),
        hex(BASE - 1),
        hex(BASE + 0x9000),
        hex(2 * BASE),
        hex(3 * BASE),
        "",
        "0x",
        "-1",
        "9" * 21,
    ]
    result = read(harness, NATIVE, images=images, addresses=addresses)
    assert list_problems(result["addresses"]) == [
        "MISSING_SYMBOL", "MISSING_IMAGE", "MISSING_IMAGE", "MISSING_DEBUG_FILE", "MISSING_DEBUG_FILE",
        *["INVALID_ADDRESS"] * 4,
    ]  # fmt: skip
    assert result["complete"] is False
    assert [item["address"] for item in result["addresses"]] == addresses


def test_java_frames_have_their_names(harness: Harness) -> None:
    frames = [{"class": "a.a", "method": "b", "line": 1}, {"class": "x.y", "method": "z"}]
    result = read(harness, JAVA, uuid=UUID.upper(), frames=frames)
    assert result["mapping"] == {"debugId": UUID}
    first, second = result["frames"]
    assert first["raw"] == {"class": "a.a", "method": "b", "line": 1}
    assert [(item["class"], item["method"], item["line"]) for item in first["frames"]] == [("com.example.Cart", "pay", 12)]
    assert (second["frames"], list_problems([second]), result["complete"]) == ([], ["MISSING_SYMBOL"], False)
    for absent in (OTHER_UUID, "no id", "\0"):
        result = read(harness, JAVA, uuid=absent, frames=frames)
        assert (result["mapping"], list_problems(result["frames"])) == (None, ["MISSING_DEBUG_FILE"] * 2)


def test_limits(harness: Harness) -> None:
    frames = [{"class": "a", "method": "b"}]
    refused: list[tuple[str, dict[str, Any], str]] = [
        (NATIVE, {"images": [image()] * 101, "addresses": []}, "images"),
        (NATIVE, {"images": [], "addresses": ["0x1"] * 501}, "addresses"),
        (JAVA, {"uuid": UUID, "frames": frames * 501}, "frames"),
    ]
    for document, fields, name in refused:
        [error] = read(harness, document, **fields)
        assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("LIMIT_EXCEEDED", name)
    assert len(read(harness, NATIVE, images=[image()] * 100, addresses=["0x1"] * 500)["addresses"]) == 500
    assert len(read(harness, JAVA, uuid=UUID, frames=frames * 500)["frames"]) == 500


def test_nothing_of_another_organization_is_read(harness: Harness) -> None:
    token = harness.tokens["other"]
    addresses, frames = [hex(BASE + 0x1000)], [{"class": "a.a", "method": "b"}]
    result = read(harness, NATIVE, token, organization="other", images=[image()], addresses=addresses)
    assert list_problems(result["addresses"]) == ["MISSING_DEBUG_FILE"]
    result = read(harness, JAVA, token, organization="other", uuid=UUID, frames=frames)
    assert list_problems(result["frames"]) == ["MISSING_DEBUG_FILE"]
    for named in ({"organization": "acme"}, {"organization": "other", "project": "api"}):
        assert read(harness, NATIVE, token, **named, images=[image()], addresses=addresses) is None
        assert read(harness, JAVA, token, **named, uuid=UUID, frames=frames) is None


def test_scopes(harness: Harness) -> None:
    for token, code in ((harness.token("org:read"), "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        for document, fields in ((NATIVE, {"images": [], "addresses": []}), (JAVA, {"uuid": UUID, "frames": []})):
            [error] = read(harness, document, token, **fields)  # type: ignore[arg-type]
            assert error["extensions"]["code"] == code
    assert read(harness, NATIVE, harness.token("org:ci"), images=[], addresses=[]) == {"complete": True, "addresses": []}


def test_cost(harness: Harness) -> None:
    """1 for each, and 100 for each debug file; not cached for another number."""
    document = """query ($a: [String!]!) { symbolicateNative(input: {organization: "acme", project: "web", images: [],
      addresses: $a}) { complete } }"""
    for count, files in ((1, 1), (3, 3), (40, 20)):
        variables = {"a": ["0x1"] * count}
        body = {"query": document, "variables": variables, "extensions": {"cost": True, "dryRun": True}}
        response = harness.client.request("POST", "/graphql", body).json
        assert response["extensions"]["cost"]["requested"] == 1 + count + 100 * files
