"""Code generated from proto/."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

PACKAGE = ROOT / "clients" / "python"


def buf(*arguments: str, cwd: Path) -> None:
    """Runs buf as the repository pins it, with this interpreter's plugins."""
    found = ROOT / "node_modules" / ".bin" / "buf"
    program = str(found) if found.exists() else shutil.which("buf")
    if program is None:
        pytest.skip("there is no buf: run npm test once, which installs it")
    folders = [str(Path(sys.executable).parent), str(found.parent), os.environ.get("PATH", "")]
    environment = {**os.environ, "PATH": os.pathsep.join(folders)}
    done = subprocess.run(
        [program, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_is_what_the_protocol_generates(tmp_path: Path) -> None:
    buf("generate", "--output", str(tmp_path), cwd=PACKAGE)
    fresh = {path.name: path.read_text() for path in (tmp_path / "src" / "spanloom" / "v1").iterdir()}
    folder = PACKAGE / "src" / "spanloom" / "v1"
    assert fresh == {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
