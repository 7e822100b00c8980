"""Version of this package, kept equal to pyproject.toml by a test."""

VERSION = "0.1.0"
