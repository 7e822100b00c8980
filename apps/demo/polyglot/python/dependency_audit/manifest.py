"""What an audit takes from a ``package.json``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

_SEMVER = re.compile(r"\d+\.\d+\.\d+([-+].+)?")


@dataclass(frozen=True)
class Manifest:
    """Texts are empty where the manifest gives none; problems do not stop the audit."""

    version: str = ""
    licence: str = ""
    problems: list[str] = field(default_factory=list)


class ManifestError(Exception):
    """A manifest that is absent, unreadable or not what a manifest must be."""


def read_manifest(package: Path, expected_name: str) -> Manifest:
    """Reads the manifest of an installed package.

    Errors: ManifestError when it is absent, unreadable, not JSON or not an object.
    """
    try:
        # npm and Node accept a byte order mark as well.
        text = (package / "package.json").read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise ManifestError(f'cannot read the manifest of "{expected_name}": {error}') from error
    return parse_manifest(text, expected_name)


def parse_manifest(text: str, expected_name: str) -> Manifest:
    """Parses the text of a manifest. Errors: ManifestError as in :func:`read_manifest`."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f'cannot parse the manifest of "{expected_name}": {error}') from error
    if not isinstance(value, dict):
        raise ManifestError(f'cannot use the manifest of "{expected_name}": it is not an object')
    name, version = _text(value.get("name")), _text(value.get("version"))
    problems = []
    if not name:
        problems.append("has no name")
    elif name != expected_name:
        # npm allows installing a package under another name, so this is worth a note, not an error.
        problems.append(f'is named "{name}" but installed as "{expected_name}"')
    if not version:
        problems.append("has no version")
    elif not _SEMVER.fullmatch(version):
        problems.append(f'has version "{version}", which is not semver')
    return Manifest(version, _licence(value), problems)


def _licence(manifest: dict[str, object]) -> str:
    """The licence in its present form, or one of the two that npm has retired."""
    single = _licence_text(manifest.get("license"))
    many = manifest.get("licenses")
    if single or not isinstance(many, list):
        return single
    texts = [text for text in map(_licence_text, many) if text]
    return f"({' OR '.join(texts)})" if len(texts) > 1 else "".join(texts)


def _licence_text(value: object) -> str:
    return _text(value.get("type")) if isinstance(value, dict) else _text(value)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
