"""What is published: a wheel and an sdist."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from spanloom.version import VERSION

from .conftest import ROOT

PACKAGE = ROOT / "clients" / "python"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_has_all_code_and_its_types_in_the_wheel(built: Path) -> None:
    with zipfile.ZipFile(built / f"spanloom-{VERSION}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"spanloom-{VERSION}.dist-info/METADATA").decode()
    source = PACKAGE / "src"
    files = [path for path in (source / "spanloom").rglob("*") if path.is_file() and path.suffix in (".py", ".pyi", "")]
    assert {path.relative_to(source).as_posix() for path in files} <= names
    assert {"spanloom/py.typed", "spanloom/v1/job_service_pb2.pyi"} <= names
    assert f"spanloom-{VERSION}.dist-info/licenses/LICENSE" in names
    assert "Requires-Python: >=3.10" in metadata
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    assert [line.split()[1].partition(">")[0].partition("<")[0] for line in required] == [
        "opentelemetry-api",
        "opentelemetry-proto",
        "opentelemetry-sdk",
        "protobuf",
    ]


def test_has_what_the_wheel_is_built_of_in_the_sdist(built: Path) -> None:
    with tarfile.open(built / f"spanloom-{VERSION}.tar.gz") as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "src/spanloom/v1/task_pb2.py"} <= names
    assert not any(name.startswith("tests/") for name in names)
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
