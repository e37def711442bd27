"""The worker's environment: nothing that GIMP points at its own files, everything that the user has set."""

import pytest

from plugin.worker.environment import worker_environment

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
INSIDE_APP = "/Applications/GIMP.app/Contents/Resources"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTHONPATH", "/usr/lib/gimp"),
        ("LD_LIBRARY_PATH", "/app/lib"),
        ("DYLD_LIBRARY_PATH", INSIDE_APP),
        ("DYLD_FALLBACK_FRAMEWORK_PATH", INSIDE_APP),
        ("SSL_CERT_FILE", f"{INSIDE_APP}/etc/ssl/cert.pem"),
        ("SSL_CERT_DIR", f"{INSIDE_APP}/etc/ssl"),
    ],
)
def test_gimps_own_variables_are_left_out(name, value):
    assert worker_environment({name: value, "HOME": "/home/me"}) == ONE_THREAD | {"HOME": "/home/me"}


def test_a_companys_certificates_are_kept():
    own = {"SSL_CERT_FILE": "/etc/company/ca.pem", "HTTPS_PROXY": "http://proxy:3128", "OPENAI_API_KEY": "k"}
    assert worker_environment(own) == ONE_THREAD | own


def test_the_users_own_number_of_threads_is_kept():
    assert worker_environment({"OPENBLAS_NUM_THREADS": "4"}) == {"OPENBLAS_NUM_THREADS": "4"}
