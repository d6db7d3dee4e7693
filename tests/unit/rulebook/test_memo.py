"""The bounded memory of answers."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.rulebook.memo import Memo


@given(st.lists(st.integers(0, 50), max_size=200), st.sampled_from([0, 2, 8, 20]))
def test_a_memo_is_never_wrong_and_never_over_its_size(keys: list[int], size: int) -> None:
    memo: Memo[int, str] = Memo(size)
    for key in keys:
        assert memo[key] in (None, str(key))
        memo.put(key, str(key))
        assert memo.kept <= size


def test_what_is_asked_for_stays() -> None:
    memo: Memo[int, str] = Memo(8)
    memo.put(0, "kept")
    for key in range(1, 100):
        memo.put(key, "new")
        assert memo[0] == "kept"


def test_a_memo_of_size_0_keeps_nothing() -> None:
    memo: Memo[int, str] = Memo(0)
    memo.put(1, "a")
    assert memo[1] is None
