"""A peer in an environment of its own: a process that is asked over its standard input, one request a line."""

import atexit
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SCRIPT = Path(__file__).with_name("peer_server.py")


class PeerAbsent(Exception):
    """The environment that holds the peers is not there; the message says how to make it."""


class Timed(np.ndarray):
    """An array that knows how many seconds its computation took where it was computed, and how many the first one."""

    seconds: float
    first_seconds: float


class Peer:
    """A computation by a peer. Calling it returns the result with the time it took inside the peer's process."""

    def __init__(self, python: Path | None, task: str, arguments: dict[str, Any]):
        self._python, self._request = python, {"task": task, "arguments": arguments}
        self._process: subprocess.Popen[str] | None = None

    def __call__(self) -> Timed:
        """Ask once. The first answer includes the peer's compilation.

        Raises:
            PeerAbsent: if there is no environment, or the peer cannot be imported or run there.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result.npy"
            answer = self._ask(json.dumps(self._request | {"path": str(path)}))
            result = np.load(path, allow_pickle=False).view(Timed)
        seconds = json.loads(answer)
        result.seconds, result.first_seconds = seconds["seconds"], seconds["first_seconds"]
        return result

    def _ask(self, request: str) -> str:
        process = self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(request + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise PeerAbsent(f"{self._request['task']} failed in {self._python}")
        return answer

    def _start(self) -> "subprocess.Popen[str]":
        if self._process is None:
            if self._python is None or not self._python.is_file():
                raise PeerAbsent("no peers; `make bench` installs them")
            command = [str(self._python), str(SCRIPT)]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
            atexit.register(self._process.kill)
        return self._process
