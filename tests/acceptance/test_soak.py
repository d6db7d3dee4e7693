"""The shortest form of `bench/soak.py`: a real ``flowmend run``, measured from outside while errors come in steadily."""

from pathlib import Path

from bench.soak import run
from bench.watched import GAUGES


def test_while_errors_come_in_every_figure_is_measured_and_the_books_are_right_at_the_end(tmp_path: Path) -> None:
    soaked = run(tmp_path, seconds=6, rate=10)

    assert soaked.kept, (soaked.books, soaked.complaints)
    assert soaked.books.records >= 50
    assert soaked.books.states["cured"]
    assert soaked.books.states["resolved"]
    assert [each.gauge for each in soaked.courses] == list(GAUGES)
    assert all(each.median > 0 for each in soaked.courses)
