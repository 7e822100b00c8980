"""Connections to one server, kept open between calls."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from ..errors import invalid

# Node closes a connection that was idle for five seconds; one that is younger is very likely open.
MAX_IDLE_SECONDS = 4.0


class CallScope:
    """Calls that can be ended from another thread: their sockets are shut down.

    Concurrency: safe from any thread; safe to cancel twice.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()
        self._event = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits, at most so long; gives whether it was cancelled."""
        return self._event.wait(seconds)

    def cancel(self) -> None:
        """Ends all calls of it, now and later."""
        with self._lock:
            self._event.set()
            for connection in self._open:
                shut_down(connection)

    def enter(self, connection: http.client.HTTPConnection) -> bool:
        """Takes note of a call; False when the scope was cancelled."""
        with self._lock:
            if not self._event.is_set():
                self._open.add(connection)
        return not self._event.is_set()

    def leave(self, connection: http.client.HTTPConnection) -> None:
        """The call has ended."""
        with self._lock:
            self._open.discard(connection)


def shut_down(connection: http.client.HTTPConnection) -> None:
    """Wakes whoever reads from the connection."""
    sock = connection.sock
    if sock is not None:
        # It may just have been closed by the other side, or by the thread that uses it.
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


class HttpPool:
    """Connections to one server; those in use are counted by nobody, as threads bound them.

    Concurrency: safe from any thread. A process that was forked must make one of its own.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise invalid(
                "url", f'cannot connect to "{url}": the URL must start with http:// or https:// and name a host'
            )
        self.url = url.rstrip("/")
        self.path = parts.path.rstrip("/")
        self._host = parts.hostname
        self._port = parts.port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._lock = threading.Lock()
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []
        self._closed = False

    def take(self, timeout: float) -> tuple[http.client.HTTPConnection, bool]:
        """A connection for one call, and whether it was used before. Give it back, or close it."""
        oldest = time.monotonic() - MAX_IDLE_SECONDS
        while True:
            with self._lock:
                connection, idle_since = self._idle.pop() if self._idle else (None, 0.0)
            if connection is None:
                return self._new(timeout), False
            if idle_since >= oldest and connection.sock is not None:
                connection.sock.settimeout(timeout)
                return connection, True
            connection.close()

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """The call was read to its end: the connection may serve another."""
        now = time.monotonic()
        with self._lock:
            keep = not self._closed and connection.sock is not None
            # The one used last is taken first, so that those of a burst would never be taken again.
            fresh = [each for each in self._idle if each[1] >= now - MAX_IDLE_SECONDS]
            old = [each for each, idle_since in self._idle if idle_since < now - MAX_IDLE_SECONDS]
            self._idle = [*fresh, (connection, now)] if keep else fresh
        for each in old if keep else [*old, connection]:
            each.close()

    def close(self) -> None:
        """Closes what is idle; safe to call twice."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _new(self, timeout: float) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)


@contextlib.contextmanager
def entered(scope: CallScope | None, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Within it the scope can end the call. Errors: ConnectionAbortedError when it was cancelled before."""
    if scope is None:
        yield
        return
    if connection.sock is None:
        # Before the scope knows of it: to end a call is to shut down its socket.
        connection.connect()
    if not scope.enter(connection):
        raise ConnectionAbortedError("the call was cancelled")
    try:
        yield
    finally:
        scope.leave(connection)
