"""Where learners run that can make use of a graphics processor."""

from __future__ import annotations

import ctypes
import os

from autopipe.errors import OptionError

CPU = "cpu"
CUDA = "cuda"


def device_named(device: str) -> str:
    """The device that the constructor's argument asks for: "cpu" or "cuda".

    Raises
    ------
    OptionError
        If it is none of "auto", "cpu" and "cuda", or there is no such device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise OptionError(f'device={device!r}: give "auto", "cpu" or "cuda".')
    if device == "cuda" and not has_cuda():
        raise OptionError(
            'device="cuda": the NVIDIA driver shows this process no device. Does nvidia-smi '
            'list one? Leave it at "auto" to use one where there is one.'
        )
    return "cuda" if device != "cpu" and has_cuda() else "cpu"


def has_cuda() -> bool:
    """Whether a device for CUDA is there, as the driver's monitor says.

    CUDA itself is not asked: a process that has woken it cannot be forked any more.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    try:
        monitor = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    if monitor.nvmlInit_v2():
        return False
    count = ctypes.c_uint()
    is_unknown = monitor.nvmlDeviceGetCount_v2(ctypes.byref(count))
    monitor.nvmlShutdown()
    return not is_unknown and count.value > 0
