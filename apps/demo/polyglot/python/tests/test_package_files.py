"""Files of a package, and what tasks leave for each other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dependency_audit.package_files import WalkedFile, hash_files, walk_files
from dependency_audit.work_folder import hashes_name, listing_name, read_work, write_work


def test_lists_regular_files_and_leaves_nested_packages_and_links_alone(tmp_path: Path) -> None:
    for path in ("lib/b.js", "a.js", "node_modules/inner/index.js", "lib/node_modules/kept.js"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("text")
    (tmp_path / "loop").symlink_to(tmp_path)
    walked = walk_files(tmp_path)
    assert [file.path for file in walked.files] == ["a.js", "lib/b.js", "lib/node_modules/kept.js"]
    assert walked.skipped == 1
    assert walked.files[0].bytes == 4


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    assert walk_files(tmp_path / "absent").unreadable == ["."]


def test_hashes_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    files = [WalkedFile("a", 4, "1:2"), WalkedFile("gone", 1, "1:3")]
    hashed = list(hash_files(tmp_path, files))
    assert hashed[0] == {"path": "a", "bytes": 4, "inode": "1:2", "sha256": hashlib.sha256(b"text").hexdigest()}
    assert hashed[1]["sha256"] == ""


def test_work_files_are_named_for_what_they_are_about(tmp_path: Path) -> None:
    assert hashes_name("a", 2) == hashes_name("a").replace("-0", "-2")
    assert listing_name("a") != listing_name("b")
    write_work(tmp_path, "x.json", ["ü"], "attempt-1")
    assert read_work(tmp_path, "x.json") == ["ü"]
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]
    with pytest.raises(TypeError):
        write_work(tmp_path, "y.json", object(), "attempt-1")
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]
