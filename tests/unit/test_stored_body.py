"""The stored form of an event's body."""

import threading
from typing import Any

import pytest

from gql_releases.domain.events.stored_body import pack_body, unpack_body

FRAME = {"function": "charge", "module": "shop.pay", "lineno": 17, "in_app": True, "context_line": "    raise é"}
BODY: dict[str, Any] = {"exceptions": [{"type": "ValueError", "value": None, "frames": [FRAME] * 50}], "tags": []}


def test_unpacks_what_was_packed() -> None:
    stored = pack_body(BODY)
    assert len(stored) < 300
    assert unpack_body(stored) == BODY
    assert unpack_body(pack_body({})) == {}


def test_a_body_that_is_no_json_is_refused() -> None:
    for body in ({"message": "\ud800"}, {"message": object()}):
        with pytest.raises(TypeError):
            pack_body(body)


def test_threads_pack_at_the_same_time() -> None:
    failures: list[int] = []

    def pack(number: int) -> None:
        bodies = [BODY | {"message": f"{number} {index}" * 100} for index in range(200)]
        failures.extend(number for body in bodies if unpack_body(pack_body(body)) != body)

    threads = [threading.Thread(target=pack, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
