"""prismd: ask your own files, and get answers with citations that you can check."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("prismd")
except PackageNotFoundError:  # running from a source tree that is not installed
    __version__ = "0.0.0"
