"""Names that pyright cannot see: the package has no hints."""

from typing import Any

def __getattr__(name: str) -> Any: ...
