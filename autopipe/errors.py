"""All errors that autopipe raises on purpose.

AutopipeError
├── InputError (ValueError)               data given to fit or predict cannot be used
│   └── ShapeError                        lengths or widths that do not fit together
├── OptionError (ValueError)              an argument's value is outside what it may be
├── KeywordError (TypeError)              a keyword that is no argument of ours
├── TreeError (ValueError)                a tree that is not well formed
├── UnknownOperatorError (KeyError)       a name that no operator has
├── ExportError (RuntimeError)            an exported file would not do what the model does
├── DeadlineReached (TimeoutError)        time was up before anything usable was fitted
└── RunError (RuntimeError)               the run folder or the workers failed as a whole
    ├── StoreError (OSError)              the run folder cannot be read or written
    └── RunLockedError                    another process is working in the run folder
"""

from __future__ import annotations


class AutopipeError(Exception):
    """Base of everything that autopipe raises on purpose."""


class InputError(AutopipeError, ValueError):
    """Data given to `fit` or `predict` cannot be used."""


class ShapeError(InputError):
    """Lengths or widths do not fit together."""


class OptionError(AutopipeError, ValueError):
    """An argument's value is outside what it may be."""


class KeywordError(AutopipeError, TypeError):
    """A keyword is no argument of ours; the message says which one was meant."""


class TreeError(AutopipeError, ValueError):
    """A tree, or the text of one, is not well formed."""


class UnknownOperatorError(AutopipeError, KeyError):
    """No operator has this name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would show the repr


class ExportError(AutopipeError, RuntimeError):
    """An exported file would not do what the model does, or cannot be made."""


class DeadlineReached(AutopipeError, TimeoutError):
    """Time was up before anything usable was fitted."""


class RunError(AutopipeError, RuntimeError):
    """The run folder or the workers failed as a whole."""


class StoreError(RunError, OSError):
    """The run folder cannot be read or written."""


class RunLockedError(RunError):
    """Another process is working in the run folder."""
