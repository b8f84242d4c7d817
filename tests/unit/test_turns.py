"""Places for what runs at once: how many, and whose turn it is."""

from __future__ import annotations

import asyncio

import pytest

from gql_releases.storage.engine.turns import Turns


class Work:
    """Records who begins, and ends when it is told to."""

    def __init__(self, places: int) -> None:
        self.turns, self.begun, self.running, self.most = Turns(places), list[str](), 0, 0
        self.ends: dict[str, asyncio.Event] = {}

    def start(self, token: int, name: str) -> asyncio.Task[None]:
        self.ends[name] = asyncio.Event()
        return asyncio.ensure_future(self._run(token, name))

    async def _run(self, token: int, name: str) -> None:
        async with self.turns.turn(token):
            self.begun.append(name)
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                await self.ends[name].wait()
            finally:
                self.running -= 1


async def wait_until_idle() -> None:
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_first_read_of_a_token_waits_for_one_read_of_each_other_token_at_most() -> None:
    async def run() -> None:
        work = Work(2)
        tasks = [work.start(1, f"a{number}") for number in range(100)]
        await wait_until_idle()
        tasks += [work.start(2, "b0"), work.start(3, "c0"), work.start(2, "b1")]
        await wait_until_idle()
        assert work.begun == ["a0", "a1"]
        for name in list(work.ends)[:4]:
            work.ends[name].set()
            await wait_until_idle()
        assert work.begun[:5] == ["a0", "a1", "a2", "b0", "c0"]
        for event in work.ends.values():
            event.set()
        await asyncio.gather(*tasks)
        assert (len(work.begun), work.most, work.turns.count_waiting()) == (103, 2, 0)

    asyncio.run(run())


def test_who_leaves_while_waiting_takes_no_place() -> None:
    async def run() -> None:
        work = Work(1)
        first, second, third = (work.start(token, f"{token}") for token in (1, 2, 3))
        await wait_until_idle()
        second.cancel()
        await wait_until_idle()
        assert work.turns.count_waiting() == 1
        work.ends["1"].set()
        await wait_until_idle()
        assert work.begun == ["1", "3"]
        work.ends["3"].set()
        await asyncio.gather(first, third)
        async with work.turns.turn(4):
            assert work.turns.count_waiting() == 0

    asyncio.run(run())


def test_place_that_came_as_its_waiter_left_goes_to_the_next() -> None:
    async def run() -> None:
        turns, order = Turns(1), list[int]()

        async def hold(token: int) -> None:
            async with turns.turn(token):
                order.append(token)

        holding = turns.turn(1)
        await holding.__aenter__()
        leaving, staying = asyncio.ensure_future(hold(2)), asyncio.ensure_future(hold(3))
        await wait_until_idle()
        await holding.__aexit__(None, None, None)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await asyncio.wait_for(staying, 1)
        assert order == [3]

    asyncio.run(run())
