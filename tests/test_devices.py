import numpy as np
import pytest

from autopipe import AutoClassifier, devices
from autopipe.devices import device_named
from autopipe.errors import OptionError

FRAME = np.random.default_rng(0).normal(size=(40, 2))


@pytest.fixture
def without_a_device(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def with_a_device(monkeypatch):
    monkeypatch.setattr(devices, "has_cuda", lambda: True)


def test_without_a_device_all_stays_on_the_processor(without_a_device):
    assert device_named("auto") == device_named("cpu") == "cpu"


def test_a_device_that_is_not_there_is_refused(without_a_device):
    with pytest.raises(OptionError, match="shows this process no device"):
        AutoClassifier(device="cuda", verbose=0).fit(FRAME, FRAME[:, 0] > 0)


def test_a_device_is_used_unless_it_is_refused(with_a_device):
    assert device_named("auto") == device_named("cuda") == "cuda"
    assert device_named("cpu") == "cpu"


@pytest.mark.parametrize("device", ["gpu", "", None, 0])
def test_other_names_are_refused(device):
    with pytest.raises(OptionError, match='give "auto", "cpu" or "cuda"'):
        device_named(device)
