"""Rules are replaced while errors are being judged: each pass is of one whole set, and the work goes on meanwhile (P8)."""

import asyncio
from pathlib import Path

from daemon.app.build import Daemon
from daemon.store.memory import MemoryStore
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, FLAKY, fail, small_shop

RELOADS = 1000
CODES = {"busy": "SSS_REQUEST_LIMIT_EXCEEDED", "flaky": "UNEXPECTED_ERROR"}


def write_set(folder: Path, number: int) -> None:
    """Write two files whose rules carry the number of their set."""
    for name, code in CODES.items():
        text = f"""version: 1
rules:
  - id: {name}-{number}
    why: Set {number}.
    when: {{code: {code}}}
    then: {{retry: {{ramp: off}}}}
    tests:
      - match: {{code: {code}}}
"""
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


async def test_a_thousand_reloads_under_load_and_every_pass_is_judged_by_one_whole_set(tmp_path: Path) -> None:
    async with small_shop(tmp_path, "") as shop:
        (shop.rules / "rules.yaml").unlink()
        write_set(shop.rules, 0)
        for family in (BUSY, FLAKY):
            fail(shop, family, count=5)
        async with shop.daemon() as daemon:
            daemon.rules.history = MemoryStore()  # a thousand syncs to the disk would be most of the time
            numbers = {daemon.rules.current.version: 0}
            _, passes = await asyncio.gather(reload_all_the_time(shop, daemon, numbers), judge(daemon, numbers))

    assert list(numbers.values()) == list(range(RELOADS + 1))
    assert [line["rules"] for line in shop.events("rules.loaded")] == list(numbers)
    assert len(passes) > 3
    assert passes == sorted(passes)


async def reload_all_the_time(shop: Shop, daemon: Daemon, numbers: dict[str, int]) -> None:
    """Load set after set, and note the *numbers* of their versions."""
    for number in range(1, RELOADS + 1):
        write_set(shop.rules, number)
        assert await daemon.rules.load(shop.clock.now())
        numbers[daemon.rules.current.version] = number


async def judge(daemon: Daemon, numbers: dict[str, int]) -> list[int]:
    """Plan what is due of all errors until all sets are loaded, and return by which set each time.

    What the store keeps of the errors, what the plan holds, and the set that the plan names must be of one set.
    """
    passes: list[int] = []
    while len(numbers) <= RELOADS:
        _, plan = await daemon.accounts[ACCOUNT].cycle(act=False)
        assert plan is not None
        ids = [row.rule_id for row in await daemon.store.errors(ACCOUNT)] + [group.rule_id for group in plan.groups]
        assert len(ids) == 10 + 2
        (number,) = {int(rule_id.rpartition("-")[2]) for rule_id in ids}
        assert numbers[plan.rules] == number
        passes.append(number)
    return passes
