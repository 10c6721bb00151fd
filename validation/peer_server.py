"""Runs in the peers' environment, not in ours: computes what it is asked and says how long it took.

A request is one line of JSON: a task of `peer_tasks.py`, its arguments and the path for the result (a .npy file). The
answer is one line with the seconds of the computation alone, and of the first one with all that goes before it.
This file imports nothing of the package.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from peer_tasks import TASKS  # the script's own folder is on the path  # pyright: ignore[reportMissingImports]


def main() -> None:
    """Answer requests until the input ends."""
    prepared: dict[str, tuple[Callable[[], Any], float]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps([request["task"], request["arguments"]])
        if key not in prepared:
            prepared[key] = _prepared(request["task"], request["arguments"])
        function, first = prepared[key]
        start = time.perf_counter()
        result = function()
        seconds = time.perf_counter() - start
        np.save(request["path"], np.asarray(result))
        print(json.dumps({"seconds": seconds, "first_seconds": first}), flush=True)


def _prepared(task: str, arguments: dict[str, Any]) -> tuple[Callable[[], Any], float]:
    """The task's function, and the time it took to make it and to call it once; imports are not counted."""
    package, make = TASKS[task]
    importlib.import_module(package)
    start = time.perf_counter()
    function = make(**arguments)
    function()
    return function, time.perf_counter() - start


if __name__ == "__main__":
    main()
