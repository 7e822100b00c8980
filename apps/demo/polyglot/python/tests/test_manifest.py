"""Manifests, as apps/demo/src/audit/manifest.test.ts has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dependency_audit.manifest import ManifestError, parse_manifest, read_manifest


def manifest(**rest: object) -> str:
    given = {"name": "a", "version": "1.0.0", "license": "MIT", **rest}
    return json.dumps({key: value for key, value in given.items() if value is not None})


def test_a_sound_manifest_has_no_problems() -> None:
    parsed = parse_manifest(manifest(), "a")
    assert (parsed.version, parsed.licence, parsed.problems) == ("1.0.0", "MIT", [])


def test_licences_in_the_forms_npm_has_retired_are_understood() -> None:
    assert parse_manifest(manifest(license={"type": "ISC"}), "a").licence == "ISC"
    several = [{"type": "MIT"}, {"type": "Apache-2.0"}]
    assert parse_manifest(manifest(license=None, licenses=several), "a").licence == "(MIT OR Apache-2.0)"


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ({"name": "b"}, 'is named "b" but installed as "a"'),
        ({"name": None}, "has no name"),
        ({"version": None}, "has no version"),
        ({"version": "latest"}, 'has version "latest", which is not semver'),
    ],
)
def test_what_is_wrong_with_a_manifest_is_told(rest: dict[str, object], problem: str) -> None:
    assert parse_manifest(manifest(**rest), "a").problems == [problem]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{ "name": "a", ', 'cannot parse the manifest of "a"'),
        ('{ "name": NaN }', 'cannot parse the manifest of "a": NaN is not JSON'),
        ("[]", 'cannot use the manifest of "a": it is not an object'),
    ],
)
def test_a_broken_manifest_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as raised:
        parse_manifest(text, "a")
    assert str(raised.value).startswith(message)


def test_an_absent_manifest_is_an_error_and_a_byte_order_mark_is_none(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match='cannot read the manifest of "a"'):
        read_manifest(tmp_path, "a")
    (tmp_path / "package.json").write_text("\ufeff" + manifest(), encoding="utf-8")
    assert read_manifest(tmp_path, "a").version == "1.0.0"
