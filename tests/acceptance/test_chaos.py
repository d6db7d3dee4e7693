"""The short form of `bench/chaos.py`: a real ``flowmend run`` under faults, killed at random instants."""

from pathlib import Path

from bench.chaos import run


def test_killed_at_any_instant_under_faults_nothing_runs_twice_is_lost_or_is_a_lie(tmp_path: Path) -> None:
    found = run(tmp_path, records=40, kills=4, seed=3, confirm_timeout_s=4)

    assert (found.records, found.kills) == (40, 4)
    assert found.faults
    assert found.states["cured"]
    assert (found.twice, found.lost, found.lies, found.unsettled) == ([], [], [], 0)
