"""What all tests share: they read English, whatever the developer's language is, and never the developer's settings."""

import os
import tempfile

from lib import translation

os.environ["LANGUAGE"] = "en"
translation.use(["en"])
_data = tempfile.TemporaryDirectory(prefix="generative-edit-tests-")
os.environ["XDG_DATA_HOME"] = _data.name
