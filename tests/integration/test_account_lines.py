"""The canonical line of each cycle tells all that happened since the line before, also between two cycles."""

from datetime import timedelta
from pathlib import Path

from daemon.core.tally import COUNTS
from tests.integration.shop import ACCOUNT, open_shop


async def test_the_lines_of_a_service_add_up_to_what_really_happened(tmp_path: Path) -> None:
    async with open_shop(tmp_path, errors=200) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        for _ in range(6):  # as the service does: cycles, and confirmations in between
            await runner.cycle()
            shop.clock.pass_by(timedelta(seconds=20))
            await runner.confirm()
        await runner.cycle()
        lines, truths = shop.events("cycle.finished"), shop.truths()
        told = {name: sum(line[name] for line in lines) for name in COUNTS}
        cured = [truth for truth in truths if truth.state == "cured"]
        resolved = [truth for truth in truths if truth.state == "resolved"]

        assert told["new"] == sum(len(truth.error_ids) for truth in truths)
        assert told["retried"] == sum(truth.retries_accepted for truth in truths) > 50
        assert told["confirmed"] == len(cured) + len(resolved) > 50
        assert told["came_back"] == sum(truth.runs for truth in truths) - len(cured) > 0
        assert lines[-1]["open"] == sum(len(truth.open_ids) for truth in truths)
