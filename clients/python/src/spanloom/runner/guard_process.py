"""The process of HeartbeatGuard: sends heartbeats while the runner's interpreter says nothing.

It speaks Connect's JSON with the standard library alone. Standard input has one JSON object a line; its end is the end.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit


class Guard:
    """What was told of the runner."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.leases: dict[tuple[str, int], str] = {}
        self.lock = threading.Lock()
        self.heard_at = time.monotonic()
        self.beat_at = float("-inf")

    def hear(self, message: dict[str, Any]) -> None:
        """The runner lives, and says something."""
        with self.lock:
            self.heard_at = time.monotonic()
            for task_id, attempt, token in message.get("hold", ()):
                self.leases[task_id, attempt] = token
            for task_id, attempt in message.get("release", ()):
                self.leases.pop((task_id, attempt), None)

    def watch(self) -> None:
        """Looks again and again whether the runner has gone silent."""
        interval = self.settings["interval"]
        while True:
            time.sleep(interval / 4)
            now = time.monotonic()
            with self.lock:
                silent = now - self.heard_at
                leases = dict(self.leases)
            blocked = interval * 3 / 4 <= silent <= self.settings["blocked_max"]
            if blocked and leases and now - self.beat_at >= interval:
                self.beat_at = now if self.beat(leases) else float("-inf")

    def beat(self, leases: dict[tuple[str, int], str]) -> bool:
        """One heartbeat; gives whether the server took it."""
        running = [
            {"taskId": task_id, "attempt": attempt, "leaseToken": token} for (task_id, attempt), token in leases.items()
        ]
        body = json.dumps({"runnerId": self.settings["runner_id"], "running": running})
        headers = {"content-type": "application/json", "connect-protocol-version": "1"}
        if self.settings["token"]:
            headers["authorization"] = f"Bearer {self.settings['token']}"
        parts = urlsplit(self.settings["url"])
        timeout = self.settings["interval"] * 2
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        try:
            path = f"{parts.path.rstrip('/')}/spanloom.v1.TaskService/Heartbeat"
            connection.request("POST", path, body, headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            # The server may be away; the next look tries again, and the runner tells of it when it is not blocked.
            return False
        finally:
            connection.close()


def main() -> None:
    """Until standard input ends."""
    # The runner decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    guard = Guard(json.loads(sys.stdin.readline())["settings"])
    threading.Thread(target=guard.watch, daemon=True).start()
    for line in sys.stdin:
        guard.hear(json.loads(line))
    # Not held up by a heartbeat under way, which would keep leases of a runner that is gone.
    os._exit(0)


if __name__ == "__main__":
    main()
