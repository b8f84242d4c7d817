"""Names of uploaded files: candidates for a URL, references, sources, debug ids, comments."""

from __future__ import annotations

import base64

import pytest

from gql_releases.domain.file_urls import (
    clean_source_name,
    decode_data_url,
    find_debug_id,
    find_source_map_header,
    find_source_map_reference,
    is_data_url,
    join_reference,
    last_segment,
    list_url_candidates,
    normalize_debug_id,
)

DEBUG_ID = "dfb8e43a-f242-3d73-a453-aeb6a777ef75"


@pytest.mark.parametrize(
    ("url", "candidates"),
    [
        (
            "https://x.org/a/app.js?v=1#z",
            ("https://x.org/a/app.js?v=1", "https://x.org/a/app.js", "~/a/app.js?v=1", "~/a/app.js"),
        ),
        ("app:///main.js", ("app:///main.js", "~/main.js")),
        ("/srv/dist/app.js", ("/srv/dist/app.js", "~/srv/dist/app.js")),
        ("async https://x.org/a.js", ("https://x.org/a.js", "~/a.js")),
        ("https://x.org", ("https://x.org", "~/")),
        ("~/a.js", ("~/a.js",)),
        ("app.js", ("app.js", "~/app.js")),
        ("https://x.org/A%20b.js", ("https://x.org/A%20b.js", "~/A%20b.js")),
        ("", ()),
    ],
)
def test_candidates_of_a_url_are_ordered_from_the_most_exact(url: str, candidates: tuple[str, ...]) -> None:
    assert list_url_candidates(url) == candidates


@pytest.mark.parametrize(
    ("base", "reference", "url"),
    [
        ("https://x.org/js/app.js", "app.js.map", "https://x.org/js/app.js.map"),
        ("https://x.org/js/app.js?v=a/b", "app.js.map", "https://x.org/js/app.js.map"),
        ("https://x.org/js/app.js", "./maps/../app.js.map", "https://x.org/js/app.js.map"),
        ("https://x.org/js/app.js", "../../../app.js.map", "https://x.org/app.js.map"),
        ("https://x.org/js/app.js", "/maps/a.map", "https://x.org/maps/a.map"),
        ("https://x.org/js/app.js", "~/maps/a.map", "https://x.org/maps/a.map"),
        ("https://x.org/js/app.js", "//cdn.org/a.map", "https://cdn.org/a.map"),
        ("https://x.org/js/app.js", "http://cdn.org/a.map", "http://cdn.org/a.map"),
        ("https://x.org/js/app.js", "webpack:///./src/a.ts", "webpack:///./src/a.ts"),
        ("https://x.org", "a.map", "https://x.org/a.map"),
        ("~/js/app.js", "app.js.map", "~/js/app.js.map"),
        ("~/js/app.js", "../src/cart.js", "~/src/cart.js"),
        ("~/js/app.js", "/a.map", "~/a.map"),
        ("app:///main.js", "main.js.map", "app:///main.js.map"),
        ("/srv/dist/app.js", "app.js.map", "/srv/dist/app.js.map"),
        ("/srv/dist/app.js", "../../../../a.map", "/a.map"),
        ("dist/app.js", "../a.map", "a.map"),
        ("app.js", "../a.map", "../a.map"),
        ("app.js", "../../a.map", "../../a.map"),
        ("app.js", "a.map", "a.map"),
        ("app.js", "//cdn.org/a.map", "//cdn.org/a.map"),
        ("https://x.org/app.js", "data:application/json;base64,e30=", "data:application/json;base64,e30="),
    ],
)
def test_a_reference_is_joined_to_the_url_of_its_file(base: str, reference: str, url: str) -> None:
    assert join_reference(base, reference) == url


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("webpack:///./src/a.ts", "./src/a.ts"),
        ("webpack://ns/./src/a.ts", "./src/a.ts"),
        ("webpack://@shop/web/./src/a.ts", "./src/a.ts"),
        ("/./src/a.ts", "./src/a.ts"),
        ("shop/./src/a.ts", "./src/a.ts"),
        ("@shop/web/./src/a.ts", "./src/a.ts"),
        ("/build/web/./src/a.ts", "/build/web/./src/a.ts"),
        ("webpack://@shop_web/src/a.ts", "src/a.ts"),
        ("webpack:///../src/a.ts", "src/a.ts"),
        ("webpack:///./~/pkg/index.js", "~/pkg/index.js"),
        ("/build/node_modules/~/pkg", "~/pkg"),
        ("turbopack:///[project]/a", "a"),
        ("turbopack:///[next]/a", "[next]/a"),
        ("../../src/util.ts", "src/util.ts"),
        ("./../src/util.ts", "src/util.ts"),
        ("src/../util.ts", "src/../util.ts"),
        ("https://x.org/src/a.ts", "https://x.org/src/a.ts"),
        ("../", "../"),
        ("", ""),
    ],
)
def test_the_name_of_a_source_is_what_people_read(source: str, name: str) -> None:
    assert clean_source_name(source) == name


def test_the_last_segment_of_a_url_has_no_query() -> None:
    assert last_segment("https://x.org/js/app.js?v=a/b#c/d") == "app.js"
    assert last_segment("app.js") == "app.js"
    assert last_segment("https://x.org/") == ""


@pytest.mark.parametrize(
    ("text", "debug_id"),
    [
        ("DFB8E43AF2423D73A453AEB6A777EF75", DEBUG_ID),
        (DEBUG_ID, DEBUG_ID),
        (f" {DEBUG_ID.upper()}\n", DEBUG_ID),
        ("DFB8E43AF2423D73A453AEB6A777EF75a", f"{DEBUG_ID}-a"),
        ("DFB8E43AF2423D73A453AEB6A777EF750", DEBUG_ID),
        ("DFB8E43AF2423D73A453AEB6A777EF7500000001", f"{DEBUG_ID}-1"),
        (f"{DEBUG_ID}-A1", f"{DEBUG_ID}-a1"),
        (f"{DEBUG_ID}-0", DEBUG_ID),
        (f"{DEBUG_ID}-", None),
        (f"{DEBUG_ID}a", None),
        (f"{{{DEBUG_ID}}}", None),
        ("DFB8E43AF2423D73A453AEB6A777EF75-1", None),
        ("DFB8E43AF2423D73A453AEB6A777EF7", None),
        ("DFB8E43AF2423D73A453AEB6A777EF75123456789", None),
        ("app.js", None),
        ("", None),
    ],
)
def test_debug_ids_have_one_form(text: str, debug_id: str | None) -> None:
    assert normalize_debug_id(text) == debug_id


@pytest.mark.parametrize(
    ("content", "reference"),
    [
        (b"a()\n//# sourceMappingURL=app.js.map\n", "app.js.map"),
        (b"a()\n//@ sourceMappingURL=app.js.map", "app.js.map"),
        (b"//# sourceMappingURL=old.map\na()\n//# sourceMappingURL=new.map \r\n", "new.map"),
        (b"//# sourceMappingURL=old.map\na()\n//@ sourceMappingURL=new.map\n//# debugId=1", "new.map"),
        (b"/*# sourceMappingURL=app.css.map */", None),
        (b"a()\n//# sourceMappingURL=\nb()", None),
        (b"\xff\xfe//# sourceMappingURL=\xc3\xa4.map", "ä.map"),
        (b"", None),
    ],
)
def test_the_last_comment_of_a_script_refers_to_its_map(content: bytes, reference: str | None) -> None:
    assert find_source_map_reference(content) == reference


def test_the_last_comment_of_a_script_has_its_debug_id() -> None:
    assert find_debug_id(f"a()\n//# debugId={DEBUG_ID.upper()}\n//# sourceMappingURL=a.map".encode()) == DEBUG_ID
    assert find_debug_id(b"//# debugId=none") is None
    assert find_debug_id(b"a()") is None


def test_headers_that_refer_to_a_map_are_case_insensitive() -> None:
    assert find_source_map_header({"X-SourceMap": "x.map", "Sourcemap": " a.map"}) == "a.map"
    assert find_source_map_header({"X-SOURCEMAP": "x.map", "sourcemap": ""}) == "x.map"
    assert find_source_map_header({"content-type": "text/javascript"}) is None


@pytest.mark.parametrize(
    ("reference", "content"),
    [
        ("data:application/json;charset=utf-8;base64," + base64.b64encode(b'{"a":1}').decode(), b'{"a":1}'),
        ("data:application/json;base64,e30", b"{}"),
        ("data:application/json,%7B%7D", b"{}"),
        ("data:application/json;base64,!", None),
        ("data:application/json", None),
        ("a.map,b", None),
    ],
)
def test_data_urls_are_decoded(reference: str, content: bytes | None) -> None:
    assert decode_data_url(reference) == content
    assert is_data_url(reference) == reference.startswith("data:")
