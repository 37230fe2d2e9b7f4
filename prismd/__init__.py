"""prismd: ask your own files, and get answers with citations that you can check."""

import os
from importlib.metadata import PackageNotFoundError, version

# onnxruntime's wheels send usage data to their maker unless this is set before they are loaded;
# PyMuPDF loads them, too. Nothing of prismd's may leave the machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

try:
    __version__ = version("prismd")
except PackageNotFoundError:  # running from a source tree that is not installed
    __version__ = "0.0.0"
