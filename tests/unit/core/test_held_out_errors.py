"""The corpora of errors that were held out: the same for everybody who measures, and true to their templates."""

import re
from types import ModuleType

import pytest

from bench import held_out_errors, third_errors

both = pytest.mark.parametrize("errors", [held_out_errors, third_errors], ids=["other-systems", "third"])


@both
def test_the_same_seed_gives_the_same_corpus_and_another_one_another(errors: ModuleType) -> None:
    first = errors.corpus(errors.TEMPLATES, 200, seed=1)

    assert first == errors.corpus(errors.TEMPLATES, 200, seed=1)
    assert first != errors.corpus(errors.TEMPLATES, 200, seed=2)


@both
def test_every_message_is_its_template_with_values_in_all_its_places(errors: ModuleType) -> None:
    samples = errors.corpus(errors.TEMPLATES, 2_000, seed=3)

    for sample in samples:
        words = [re.escape(text) for text in errors.SLOT.sub("\0", sample.template).split("\0")]
        assert re.fullmatch(".*?".join(words), sample.message, re.DOTALL)
        assert not any(slot[0] in sample.message for slot in errors.SLOT.finditer(sample.template))


def test_a_value_that_recurs_in_a_template_recurs_in_the_message() -> None:
    template = "[[email]] wrote to [[email_2]], not to [[email]]"

    (sample,) = held_out_errors.corpus((template,), 1, seed=4)

    first, second, third = re.findall(r"\S+@[\w.]+\w", sample.message)
    assert first == third != second


@both
def test_no_two_templates_are_the_same_but_for_their_values(errors: ModuleType) -> None:
    assert len({errors.SLOT.sub("", template) for template in errors.TEMPLATES}) == len(errors.TEMPLATES)


def test_the_third_corpus_has_no_kind_of_value_that_no_message_shows() -> None:
    slots = {name for template in third_errors.TEMPLATES for name in third_errors.SLOT.findall(template)}

    assert slots == set(third_errors.VALUES)
