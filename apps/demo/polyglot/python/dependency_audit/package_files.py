"""The files of one package: what is there, and their hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class WalkedFile:
    """A regular file; names of one file on disk share its inode, as installers link files instead of copying them."""

    path: str
    bytes: int
    inode: str


@dataclass(frozen=True)
class WalkedFiles:
    """Regular files in a stable order, how many entries were neither file nor folder, and folders nobody can read."""

    files: list[WalkedFile]
    skipped: int
    unreadable: list[str]


def walk_files(package: Path) -> WalkedFiles:
    """Lists the regular files of one package, without the packages nested in its ``node_modules``.

    Links are not followed, so no cycle is possible. An unreadable folder is reported, not raised.
    """
    files: list[WalkedFile] = []
    unreadable: list[str] = []
    skipped = 0
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(package / folder))
        except OSError:
            unreadable.append(folder or ".")
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if path != "node_modules":
                    folders.append(path)
            elif entry.is_file(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                files.append(WalkedFile(path, found.st_size, f"{found.st_dev}:{found.st_ino}"))
            else:
                skipped += 1
    return WalkedFiles(sorted(files, key=lambda file: file.path), skipped, unreadable)


def hash_files(package: Path, files: Sequence[WalkedFile]) -> Iterator[dict[str, object]]:
    """Hashes files in constant memory, one by one as they are asked for.

    Shape: what was walked, and ``sha256``: 64 hex digits, empty when the file could not be read.
    """
    for file in files:
        yield {**asdict(file), "sha256": _sha256(package / file.path)}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()
