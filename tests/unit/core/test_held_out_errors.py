"""The corpus of other systems' errors: the same for everybody who measures with it, and true to its templates."""

import re

from bench.held_out_errors import SLOT, TEMPLATES, corpus


def test_the_same_seed_gives_the_same_corpus_and_another_one_another() -> None:
    assert corpus(TEMPLATES, 200, seed=1) == corpus(TEMPLATES, 200, seed=1)
    assert corpus(TEMPLATES, 200, seed=1) != corpus(TEMPLATES, 200, seed=2)


def test_every_message_is_its_template_with_values_in_all_its_places() -> None:
    samples = corpus(TEMPLATES, 2_000, seed=3)

    for sample in samples:
        words = [re.escape(text) for text in SLOT.sub("\0", sample.template).split("\0")]
        assert re.fullmatch(".*?".join(words), sample.message, re.DOTALL)
        assert not SLOT.search(sample.message)


def test_a_value_that_recurs_in_a_template_recurs_in_the_message() -> None:
    template = "[[email]] wrote to [[email_2]], not to [[email]]"

    (sample,) = corpus((template,), 1, seed=4)

    first, second, third = re.findall(r"\S+@[\w.]+\w", sample.message)
    assert first == third != second


def test_no_two_templates_are_the_same_but_for_their_values() -> None:
    assert len({SLOT.sub("", template) for template in TEMPLATES}) == len(TEMPLATES)
