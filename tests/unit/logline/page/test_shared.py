import asyncio

import pytest

from logline.page.shared import SharedResults


class Source:
    """Counts how often it is asked, and answers when it is let."""

    def __init__(self):
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def fetch(self):
        self.asked += 1
        await self.may_answer.wait()
        if self.asked == 3:
            raise OSError("down")
        return self.asked


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


async def everybody(results, source, count=20):
    return await asyncio.gather(*(results.get("key", source.fetch) for _ in range(count)), return_exceptions=True)


def test_who_asks_the_same_within_the_interval_costs_one_query():
    async def scenario():
        clock, source = Clock(), Source()
        results = SharedResults(5, clock)
        waiting = asyncio.ensure_future(everybody(results, source))
        await asyncio.sleep(0)
        source.may_answer.set()
        assert await waiting == [1] * 20
        clock.now = 4.9
        assert await everybody(results, source) == [1] * 20
        assert await results.get("another", source.fetch) == 2
        clock.now = 5.1
        # A failure is an answer too: who is down is not asked by everybody.
        assert {str(error) for error in await everybody(results, source)} == {"down"}
        assert source.asked == 3
        clock.now = 10.2
        assert await everybody(results, source) == [4] * 20

    asyncio.run(scenario())


def test_one_who_goes_away_takes_nothing_from_the_others():
    async def scenario():
        source = Source()
        results = SharedResults(5)
        first, second = (asyncio.ensure_future(results.get("key", source.fetch)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        source.may_answer.set()
        assert await second == 1
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(scenario())


def test_what_is_over_is_forgotten():
    async def scenario():
        async def fetch():
            return 1

        clock = Clock()
        results = SharedResults(5, clock)
        for number in range(100):
            clock.now = float(number)
            await results.get(number, fetch)
        assert len(results._entries) <= 6

    asyncio.run(scenario())


def test_that_there_is_nothing_yet_is_not_said_for_long():
    async def scenario():
        clock, answers = Clock(), iter([OSError("down"), [], ["a day"], ["never asked for"]])

        async def fetch():
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return answer

        results = SharedResults(300, clock, is_something=bool)
        with pytest.raises(OSError, match="down"):
            await results.get("key", fetch)
        clock.now = 5.1
        assert await results.get("key", fetch) == []
        clock.now = 10.2
        assert await results.get("key", fetch) == ["a day"]
        clock.now = 300
        assert await results.get("key", fetch) == ["a day"]

    asyncio.run(scenario())
