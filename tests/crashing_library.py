"""A library that takes the process with it as it is imported, as one of another build may."""

import ctypes

ctypes.string_at(0)
