"""Hypothesis draws the same examples on every machine; nothing learned there counts."""

import os
import signal

from hypothesis import HealthCheck, settings

# What is started in the background may ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "tests", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")
os.environ["AUTOPIPE_HOME"] = ""
