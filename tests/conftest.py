"""What all tests share: they read English, whatever the developer's language is, and never the developer's settings."""

import os
import tempfile

from lib import translation

os.environ["LANGUAGE"] = "en"
translation.use(["en"])
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="generative-edit-tests-")
