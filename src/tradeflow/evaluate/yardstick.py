"""Loads a yardstick: a generator with a known truth that is kept beside the repository and is not ours."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def load_yardstick(path: Path) -> ModuleType:
    """Load a module by its path; ImportError where there is none."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
