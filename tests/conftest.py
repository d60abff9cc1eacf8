"""Hypothesis draws the same examples on every machine; nothing learned there counts."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "tests", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")
os.environ["AUTOPIPE_HOME"] = ""
