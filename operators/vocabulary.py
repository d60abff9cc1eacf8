"""Texts as sparse rows of tf-idf, over terms learned from the training rows.

How a text is cut into terms is left to scikit-learn. Its vectorizer would do all of it, and
so would skrub's StringEncoder around the same one; but in a model that is the average of many
each would cut the texts anew, after a millisecond of checks.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from autopipe.operators.declaration import State
from autopipe.roles import Role
from autopipe.space import Choice
from autopipe.table import Table, Texts

_MOST_TERMS = 20_000  # of a column: with 30 topics they take 2.4 MB
_FEWEST_TEXTS = 2  # that a term is met in; what is met once tells nothing of other rows

_WORD = r"(?u)\b\w+\b"  # those of one letter too: they may be sizes or grades
ANALYZERS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "token_pattern": _WORD},
    "pairs": {"analyzer": "word", "token_pattern": _WORD, "ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 4)},  # as in StringEncoder
}

TERMS = Choice(tuple(ANALYZERS))
"""What is counted: words, words and pairs of neighbours, or three and four neighbouring
characters of a word, which forgives spelling. On reviews of 60 words a vocabulary of pairs
costs twice as much as one of words, and one of characters four times as much."""


@cache
def _analyzer(terms: str) -> Callable[[str], list[str]]:
    """What cuts a text into terms."""
    from sklearn.feature_extraction.text import CountVectorizer

    made: Callable[[str], list[str]] = CountVectorizer(**ANALYZERS[terms]).build_analyzer()
    return made


class Counts(NamedTuple):
    """How often each text has each of its terms.

    Parameters
    ----------
    terms : that the texts have, each once
    starts : shape (texts + 1,); of text i are the entries from start i to start i + 1
    entries : places among the terms, each once for a text that has it
    numbers : how often it has it
    """

    terms: Sequence[str]
    starts: NDArray[np.int32]
    entries: NDArray[np.int32]
    numbers: NDArray[np.int32]


def counted(strings: Iterable[str], terms: str) -> Counts:
    """Cut texts into terms, one of `TERMS`, and count them."""
    analyze = _analyzer(terms)
    places: dict[str, int] = {}
    starts, entries, numbers = array("i", [0]), array("i"), array("i")
    for string in strings:
        found = Counter(analyze(string))
        entries.extend(places.setdefault(term, len(places)) for term in found)
        numbers.extend(found.values())
        starts.append(len(entries))
    return Counts(tuple(places), *(np.array(each) for each in (starts, entries, numbers)))


class Vocabulary:
    """The terms of one column of texts that at least two training rows share."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._idf = np.empty(0, np.float32)

    @property
    def size(self) -> int:
        """The number of terms."""
        return len(self._idf)

    def learn(self, counts: Counts) -> Any:
        """Learn the terms of the training rows and return the sparse rows of these."""
        rows_with = np.bincount(counts.entries, minlength=len(counts.terms))
        kept = np.flatnonzero(rows_with >= _FEWEST_TEXTS)
        if len(kept) > _MOST_TERMS:
            times = np.bincount(counts.entries, counts.numbers)[kept]
            kept = kept[np.argsort(-times, kind="stable")[:_MOST_TERMS]]
        found = dict(sorted((counts.terms[place], rows_with[place]) for place in kept.tolist()))
        rows = len(counts.starts) - 1
        idf = np.log((1 + rows) / (1 + np.array(list(found.values())))) + 1
        return self.restore(list(found), idf).rows(counts)

    def rows(self, counts: Counts) -> Any:
        """Sparse rows of tf-idf, shape (texts, terms); all zeros where no term is known.

        tf is 1 + log of the number, and a row has length 1.
        """
        from scipy.sparse import csr_matrix

        places = np.array([self._places.get(term, -1) for term in counts.terms], np.int32)
        count = len(counts.starts) - 1
        columns = places[counts.entries]
        is_known = columns >= 0
        columns = columns[is_known]
        row_of = np.repeat(np.arange(count), np.diff(counts.starts))[is_known]
        values = (1.0 + np.log(counts.numbers[is_known])) * self._idf[columns]
        lengths = np.sqrt(np.bincount(row_of, values**2, minlength=count))
        values = (values / lengths[row_of]).astype(np.float32)
        starts = np.searchsorted(row_of, np.arange(count + 1)).astype(np.int32)
        return csr_matrix((values, columns, starts), shape=(count, self.size))

    def state(self) -> dict[str, Any]:
        """What was learned."""
        return {"terms": list(self._places), "idf": self._idf}

    def restore(self, terms: Sequence[str], idf: Any) -> Self:
        """Take back what `state` gave."""
        self._places = {term: place for place, term in enumerate(terms)}
        self._idf = np.asarray(idf, np.float32)
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
        self._of_columns = {name: Vocabulary() for name in _texts(data)}
        return {
            name: self._of_columns[name].learn(counted(texts.strings(), self.terms))
            for name, texts in _texts(data).items()
        }

    def rows(self, data: Table) -> dict[str, Any]:
        """Sparse rows by the column's name."""
        return {
            name: self._of_columns[name].rows(self._counts(texts))
            for name, texts in _texts(data).items()
        }

    @property
    def sizes(self) -> dict[str, int]:
        """The number of terms by the column's name."""
        return {name: one.size for name, one in self._of_columns.items()}

    def _counts(self, texts: Texts) -> Counts:
        """Cut once for all models that read these texts."""
        return texts.once(
            f"counts of {self.terms}", lambda: counted(texts.strings(), self.terms)
        )

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
            name: Vocabulary().restore(found[f"{name} terms"], found[f"{name} idf"])
            for name in names
        }
        return self


def _texts(data: Table) -> Mapping[str, Texts]:
    return {column.name: data.texts[column.index] for column in data.schema.having(Role.TEXT)}
