"""The subject network, U²-Netp: what stands out in a picture, at 320 pixels.

Its two packages are optional; `install.py` says if they were left out.
"""

import importlib
import importlib.resources
import importlib.util
from functools import cache, lru_cache
from typing import Any

import numpy as np
from PIL import Image

SIDE = 320
# The network was trained on pictures normalised like this.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_WEIGHTS = "u2netp"


@cache
def is_available() -> bool:
    """Return whether the packages of the network are installed."""
    return all(importlib.util.find_spec(name) for name in ("onnxruntime", _WEIGHTS))


def saliency(picture: Image.Image) -> np.ndarray:
    """Return how much each part of an RGB picture stands out: (SIDE, SIDE) float32, from 0 to 1; not to be changed."""
    return _saliency(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0).tobytes())


@lru_cache(maxsize=2)  # several results of a request are of the same picture
def _saliency(pixels: bytes) -> np.ndarray:
    """Return how much each pixel of a picture of SIDE x SIDE stands out; the array must not be changed."""
    small = np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE, 3).astype(np.float32)
    small /= max(float(small.max()), 1.0)
    small = (small - _MEAN) / _DEVIATION
    session = _session()
    inputs = {session.get_inputs()[0].name: small.transpose(2, 0, 1)[None]}
    answer = session.run([session.get_outputs()[0].name], inputs)
    return np.asarray(answer[0][0, 0], np.float32)


@cache
def _session() -> Any:
    onnxruntime = importlib.import_module("onnxruntime")
    # The builds for Windows would otherwise report their use to Microsoft.
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    # Without its own memory pool and waiting loops: it needs less memory, and returns it.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    weights = (importlib.resources.files(_WEIGHTS) / f"{_WEIGHTS}.onnx").read_bytes()
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
