"""What tasks leave for each other on disk, because it may exceed the size of a task's output.

I1. Names follow from what the file is about, never from which attempt wrote it: a repeated attempt writes the same file
again, so running at least once leaves each file once.

I2. A file appears whole or not at all: it is written beside its place and renamed, also when two attempts race.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def listing_name(package_path: str) -> str:
    """Name of the file with a package's list of files."""
    return f"{_key(package_path)}.listing.json"


def hashes_name(package_path: str, shard: int = 0) -> str:
    """Name of the file with the hashes of a package's files, or of one part of them."""
    return f"{_key(package_path)}.hashes-{shard}.json"


def write_work(folder: Path, name: str, value: object, attempt_key: str) -> None:
    """Writes a value as JSON (I2); ``attempt_key`` tells apart attempts that may run at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{name}.{attempt_key}.draft"
    try:
        draft.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
        draft.replace(folder / name)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_work(folder: Path, name: str) -> Any:
    """Reads a value that :func:`write_work` wrote."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _key(package_path: str) -> str:
    return hashlib.sha256(package_path.encode()).hexdigest()[:32]
