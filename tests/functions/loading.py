"""Functions as Open WebUI 0.12.4 loads them: executed in a module of their own, with annotations as text."""

from __future__ import annotations

import sys
import types
import uuid
from typing import Any


def load_function(source: str) -> Any:
    """The module of a function's source. Raises what its execution raises."""
    module = types.ModuleType(f"function_{uuid.uuid4().hex}")
    sys.modules[module.__name__] = module
    try:
        exec(source, module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module
