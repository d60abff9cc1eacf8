"""Texts as sparse rows of tf-idf, over terms learned from the training rows.

The vectorizer is scikit-learn's. skrub's StringEncoder puts the same one before the same
decomposition, but does not bound the vocabulary, and with it the size of what is stored; and
it takes and gives frames where operators have arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from autopipe.operators.declaration import State
from autopipe.roles import Role
from autopipe.space import Choice
from autopipe.table import Table

_MOST_TERMS = 20_000  # of a column: with 30 topics they take 2.4 MB
_FEWEST_TEXTS = 2  # that a term is met in; what is met once tells nothing of other rows

_WORD = r"(?u)\b\w+\b"  # those of one letter too: they may be sizes or grades
_ANALYZERS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "token_pattern": _WORD},
    "pairs": {"analyzer": "word", "token_pattern": _WORD, "ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 4)},  # as in StringEncoder
}

TERMS = Choice(tuple(_ANALYZERS))
"""What is counted: words, words and pairs of neighbours, or three and four neighbouring
characters of a word, which forgives spelling. On reviews of 60 words a vocabulary of pairs
costs twice as much as one of words, and one of characters four times as much."""


class Vocabulary:
    """The terms of one column of texts.

    Parameters
    ----------
    terms : one of `TERMS`
    """

    def __init__(self, terms: str) -> None:
        self.terms = terms
        self._vectorizer: Any = None  # a TfidfVectorizer; None where no two texts share a term

    def learn(self, strings: Sequence[str]) -> Any:
        """Learn the terms of the training rows and return the sparse rows of these."""
        vectorizer = self._blank(min_df=_FEWEST_TEXTS, max_features=_MOST_TERMS)
        try:
            rows = vectorizer.fit_transform(strings)
        except ValueError:  # how scikit-learn says that no term is left
            self._vectorizer = None
            return self.rows(strings)
        self._vectorizer = vectorizer
        return rows

    def _blank(self, **more: Any) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        analyzer = _ANALYZERS[self.terms]
        return TfidfVectorizer(**analyzer, **more, sublinear_tf=True, dtype=np.float32)

    def rows(self, strings: Sequence[str]) -> Any:
        """Sparse rows of tf-idf, shape (texts, terms); all zeros where no term is known."""
        from scipy.sparse import csr_matrix

        if self._vectorizer is None or not strings:
            width = 0 if self._vectorizer is None else len(self._vectorizer.idf_)
            return csr_matrix((len(strings), width), dtype=np.float32)
        return self._vectorizer.transform(strings)

    def state(self) -> dict[str, Any]:
        """What was learned."""
        if self._vectorizer is None:
            return {"terms": [], "idf": np.empty(0, np.float32)}
        terms = self._vectorizer.get_feature_names_out().tolist()
        return {"terms": terms, "idf": self._vectorizer.idf_}

    def restore(self, terms: Sequence[str], idf: Any) -> Self:
        """Take back what `state` gave."""
        self._vectorizer = None
        if terms:
            self._vectorizer = self._blank(vocabulary=terms)
            self._vectorizer.idf_ = np.asarray(idf)
        return self


class Vocabularies:
    """The terms of all columns of texts of a table, each column with its own.

    Parameters
    ----------
    terms : one of `TERMS`
    """

    def __init__(self, terms: str) -> None:
        self.terms = terms
        self._of_columns: dict[str, Vocabulary] = {}

    def learn(self, data: Table) -> dict[str, Any]:
        """Learn from the training rows, and return their sparse rows by the column's name."""
        columns = data.schema.having(Role.TEXT)
        self._of_columns = {column.name: Vocabulary(self.terms) for column in columns}
        return {
            column.name: self._of_columns[column.name].learn(data.texts[column.index].strings())
            for column in columns
        }

    def rows(self, data: Table) -> dict[str, Any]:
        """Sparse rows by the column's name."""
        return {
            column.name: self._of_columns[column.name].rows(data.texts[column.index].strings())
            for column in data.schema.having(Role.TEXT)
        }

    def state(self) -> dict[str, Any]:
        """What was learned."""
        return {
            f"{name} {key}": value
            for name, vocabulary in self._of_columns.items()
            for key, value in vocabulary.state().items()
        }

    def restore(self, state: State) -> Self:
        """Take back what `state` gave, be there more in it or not."""
        names = [key.removesuffix(" idf") for key in state if key.endswith(" idf")]
        found: dict[str, Any] = dict(state)
        self._of_columns = {
            name: Vocabulary(self.terms).restore(found[f"{name} terms"], found[f"{name} idf"])
            for name in names
        }
        return self
