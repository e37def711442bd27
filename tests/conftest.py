"""What all tests share: they read English, whatever the developer's own language is."""

import os

from lib import translation

os.environ["LANGUAGE"] = "en"
translation.use(["en"])
