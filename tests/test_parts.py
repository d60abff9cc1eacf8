"""The shape of texts, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from autopipe.operators.parts import text_shape
from autopipe.table import Texts


@pytest.mark.parametrize(
    ("text", "characters", "words", "digits", "capitals"),
    [
        ("", 0, 0, 0, 0),
        ("  ", 2, 0, 0, 0),
        ("Größe XL", 8, 2, 0, 3 / 8),
        ("\ta 12\n", 6, 2, 2 / 6, 0),
        ("茶", 1, 1, 0, 0),
    ],
)
def test_the_shape_of_a_text(text, characters, words, digits, capitals):
    before, after = "A b", "C"  # whose words must not run into it
    shape = np.array(
        [feature[0] for feature in text_shape("c0", Texts.of([before, text, after]))]
    )
    np.testing.assert_allclose(shape[:, 1], [characters, words, digits, capitals])
    np.testing.assert_allclose(shape[:, 0], [3, 2, 0, 1 / 3])
    np.testing.assert_allclose(shape[:, 2], [1, 1, 0, 1])


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_no_texts_and_empty_ones_have_a_shape_too(texts):
    for values, _, _ in text_shape("c0", Texts.of(texts)):
        assert values.tolist() == [0] * len(texts)
