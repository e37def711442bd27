"""The worker's environment: GIMP's, without the variables that GIMP has pointed at files of its own."""

from collections.abc import Mapping

_GIMPS_OWN = (
    "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "GI_TYPELIB_PATH",
    "GIMP3_DIRECTORY", "GIMP3_PLUGINDIR", "GEGL_PATH", "BABL_PATH",
)  # fmt: skip
# macOS's dynamic linker reads all variables that begin so; GIMP.app sets some for its own libraries.
_LINKER = "DYLD_"
# GIMP.app sets these to the certificates inside it. A user's own, such as a company's, are the worker's too.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_INSIDE_APP = ".app/Contents/"
# The matrices of an edit are small: a second thread costs more in waiting for the first than it gains.
_FAST = {"OPENBLAS_NUM_THREADS": "1"}


def worker_environment(gimps: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the worker, given those of GIMP's process."""
    return _FAST | {name: value for name, value in gimps.items() if not _is_gimps_own(name, value)}


def _is_gimps_own(name: str, value: str) -> bool:
    if name in _CERTIFICATES:
        return _INSIDE_APP in value
    return name in _GIMPS_OWN or name.startswith(_LINKER)
