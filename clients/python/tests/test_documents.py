"""The examples of the documentation, run as they stand but for the server's address."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from .conftest import ROOT, Server


def examples(page: Path) -> str:
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    # What reads files shows how, of files that are not here.
    return "\n".join(block for block in blocks if "read_parquet" not in block)


@pytest.mark.parametrize("page", ["clients/python/README.md", "docs/python.md"])
def test_runs_the_examples(server: Server, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    program = examples(ROOT / page)
    program = program.replace("Client()", f'Client("{server.url}")').replace("Runner(", f'Runner("{server.url}", ')
    program = program.replace("http://127.0.0.1:7171", server.url)
    module = types.ModuleType("spanloom_documents")
    sys.modules[module.__name__] = module
    exec(compile(program, page, "exec"), module.__dict__)
    if page.startswith("clients"):
        assert "SUCCEEDED 4" in capsys.readouterr().out
