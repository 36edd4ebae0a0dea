"""Names that pyright cannot see: the package has no hints, and makes them in compiled code."""

from typing import Any

def __getattr__(name: str) -> Any: ...
