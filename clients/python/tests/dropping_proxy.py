"""A proxy that hands on every request and drops some of the answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class DroppingProxy:
    """Closes every n-th connection after the server's answer was read, and before any of it was handed back.

    Each connection carries one request, so that what is dropped is the answer to a call that the server has served.
    """

    def __init__(self, url: str, *, every: int) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 80)
        self._every = every
        self._lock = threading.Lock()
        self._count = 0
        self.dropped = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> DroppingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._every = 0
        # Runners may stop after this; they are served as long as the process lives.

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(self._target) as far:
            request = _read_message(near)
            if not request:
                return
            # One request for each connection.
            head, _, body = request.partition(b"\r\n\r\n")
            far.sendall(head + b"\r\nconnection: close\r\n\r\n" + body)
            answer = b""
            while data := far.recv(65536):
                answer += data
            with self._lock:
                self._count += 1
                drop = self._every > 0 and self._count % self._every == 0
                self.dropped += drop
            if not drop:
                near.sendall(answer)


def _read_message(source: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = source.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        more = source.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body
