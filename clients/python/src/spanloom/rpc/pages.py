"""Listings that come page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from ..errors import invalid

Entry = TypeVar("Entry")

MAX_PAGE = 1_000


def pages(read: Callable[[int, str], tuple[list[Entry], str]], limit: int | None) -> Iterator[Entry]:
    """Entries of a listing, at most ``limit``; each page is read when it is asked for, by its size and token.

    Errors: INVALID_FIELD for a limit that is none, at once.
    """
    if limit is not None and (not isinstance(limit, int) or limit < 0):
        raise invalid("limit", f"cannot list: limit is {limit!r}, must be 0 or more")
    return _entries(read, limit)


def _entries(read: Callable[[int, str], tuple[list[Entry], str]], left: int | None) -> Iterator[Entry]:
    token = ""
    while left is None or left > 0:
        entries, token = read(min(left or MAX_PAGE, MAX_PAGE), token)
        yield from entries
        left = None if left is None else left - len(entries)
        if not token:
            return
