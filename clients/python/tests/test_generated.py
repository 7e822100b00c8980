"""Code generated from proto/."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Server

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


def configuration(language: str) -> str:
    """The buf.gen.yaml of a language in the documentation."""
    page = (ROOT / "docs" / "clients.md").read_text()
    section = page[page.index(f"\n## {language}\n") :]
    match = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert match is not None
    return match[1]


def generate(language: str, folder: Path) -> None:
    (folder / "buf.gen.yaml").write_text(configuration(language))
    shutil.copytree(ROOT / "proto", folder / "proto")
    buf("generate", cwd=folder)


@pytest.mark.parametrize("language", ["TypeScript", "Go", "Java", "Rust", "C#"])
def test_the_configurations_in_the_documentation_generate_code(tmp_path: Path, language: str) -> None:
    plugins = re.findall(r"local: (\S+)", configuration(language))
    if "protoc_builtin" in configuration(language):
        plugins.append("protoc")
    path = os.pathsep.join([str(ROOT / "node_modules" / ".bin"), os.environ.get("PATH", "")])
    missing = [plugin for plugin in plugins if shutil.which(plugin, path=path) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    generate(language, tmp_path)
    made = [each for each in tmp_path.rglob("*") if each.is_file() and tmp_path / "proto" not in each.parents]
    # The protocol's ten files, and this configuration.
    assert len(made) > 10


def test_the_configuration_in_the_documentation_generates_code_that_speaks_to_a_server(
    server: Server, tmp_path: Path
) -> None:
    generate("Python", tmp_path)
    # In an interpreter of its own, as this one has the protocol's messages already.
    program = (
        "from spanloom.v1 import task_service_pb2 as t; print(t.LeaseTasksRequest(max_tasks=5).SerializeToString())"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "gen")}
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'gen')!r}); {program}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "b' \\x05'\n", done.stderr
