"""Calls handed out to the workers of a Dask cluster, one at a time to each, with exact blame and no waiting for ever.

Each call is bound to one worker. So a worker that is lost tells which call it had: that call is done again elsewhere,
and after some tries set aside. Dask's own counting blames every call that waited on the worker, and may take all
workers down before it speaks. Nothing is gathered, as that can wait for ever for what a lost worker held (it did in 3
of 4 runs after a call had killed its workers twice): of a call that has finished only this is asked, and of one that
has failed the error, which the scheduler has. News come through callbacks into a queue that is read with a time limit,
and every question to the scheduler has one too.
"""

import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from photonics_core.errors import ClusterError, DeviceError
from photonics_core.hdf5_variables import StoreError
from photonics_core.jobs import JobError

#: Seconds between two looks at which workers there are, and that an answer of the scheduler may take.
LOOK, ANSWER = 1.0, 20.0
#: Errors of a worker's surroundings, not of a call: it gets no more work.
SURROUNDINGS = (StoreError, JobError, DeviceError, OSError, ImportError)


@dataclass
class Outcome:
    """What came of some calls.

    Attributes:
        done: calls that finished, in that order.
        set_aside: by call, why each of its tries failed.
        barred: by worker, the error of its surroundings for which it got no more work.
        lost: workers that were lost with a call at work.
    """

    done: list[Any] = field(default_factory=list)
    set_aside: dict[Any, list[str]] = field(default_factory=dict)
    barred: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


class Dispatch:
    """Hands out calls of one function and watches over them.

    Args:
        client: a Dask client that is no coroutine's.
        function: of a module that workers can import.
        calls: by name, the arguments of each call.
        tries: failures after which a call is set aside.
        patience: seconds without any news after which `run` gives up.
        resource: resource that a worker must declare to get work, or None for all workers.
        news: takes the name of each call that finished.
        raises: errors of a call that end the work and are raised as they are.
    """

    def __init__(
        self,
        client: Any,
        function: Callable[..., Any],
        calls: Mapping[Any, tuple[Any, ...]],
        *,
        tries: int = 3,
        patience: float = 1800.0,
        resource: str | None = None,
        news: Callable[[Any], None] = lambda name: None,
        raises: tuple[type[BaseException], ...] = (),
    ) -> None:
        self.client: Any = client
        self.function: Callable[..., Any] = function
        self.calls: Mapping[Any, tuple[Any, ...]] = calls
        self.raises: tuple[type[BaseException], ...] = raises
        self.tries: int = tries
        self.patience: float = patience
        self.resource: str | None = resource
        self.news: Callable[[Any], None] = news
        self.outcome: Outcome = Outcome()
        self._todo = deque(calls)
        self._failures: dict[Any, list[str]] = {}
        self._running: dict[str, tuple[Any, str, Any]] = {}  # by key: call, worker, future
        self._workers: set[str] = set()
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._count, self._looked, self._last = 0, -LOOK, time.monotonic()
        self._id = f"{time.time_ns():x}"

    def run(self) -> Outcome:
        """Do all calls.

        Raises:
            ClusterError: if there is no progress, the scheduler is gone, or no worker can do the work.
        """
        self._last = time.monotonic()
        try:
            while self._todo or self._running:
                self._look()
                self._hand_out()
                self._collect()
                if time.monotonic() - self._last > self.patience:
                    raise ClusterError(f"nothing has come back for {self.patience:g} s: {self._state()}")
        finally:
            self._let_go()
        return self.outcome

    def _look(self) -> None:
        """See which workers there are; calls of lost ones have failed."""
        if time.monotonic() - self._looked < LOOK:
            return
        found = workers_of(self.client, self.resource)
        self._looked = time.monotonic()
        if found is None:  # no answer: the watchdog counts
            return
        self._workers = found
        for key, (name, worker, _) in list(self._running.items()):
            if worker not in found:
                self.outcome.lost.append(worker)
                self._fail(key, name, f"its worker {worker} was lost")

    def _hand_out(self) -> None:
        busy = {worker for _, worker, _ in self._running.values()}
        idle = sorted(self._workers - busy - set(self.outcome.barred))
        if not idle and not busy and self._workers:
            said = "; ".join(f"{worker}: {reason}" for worker, reason in self.outcome.barred.items())
            raise ClusterError(f"no worker can do the work: {said}")
        for worker in idle[: len(self._todo)]:
            name = self._todo.popleft()
            self._count += 1
            key = f"photonics-core-{self._id}-{self._count}"
            future = self.client.submit(
                self.function, *self.calls[name], key=key, workers=[worker], pure=False, allow_other_workers=False
            )
            self._running[key] = name, worker, future
            future.add_done_callback(lambda done, key=key: self._news.put(key))

    def _collect(self) -> None:
        """Take all news there are, or wait for one for a moment."""
        wait = LOOK
        while True:
            try:
                key = self._news.get(timeout=wait) if wait else self._news.get_nowait()
            except queue.Empty:
                return
            wait = 0.0
            if key in self._running:
                self._take(key)

    def _take(self, key: str) -> None:
        name, worker, future = self._running[key]
        if future.status == "finished":
            del self._running[key]
            self._last = time.monotonic()
            self.outcome.done.append(name)
            self.news(name)
        elif future.status == "error":
            self._take_error(key, name, worker, future.exception(timeout=ANSWER))
        else:  # cancelled or lost with its scheduler: nobody's fault, and no progress
            del self._running[key]
            self._todo.append(name)

    def _take_error(self, key: str, name: Any, worker: str, error: BaseException) -> None:
        if isinstance(error, self.raises):
            raise error
        said = f"{type(error).__name__}: {error}"
        if isinstance(error, SURROUNDINGS):
            del self._running[key]
            self.outcome.barred[worker] = said
            self._todo.append(name)
        else:
            # A worker that comes back under its address has been given the call again by Dask, which counts by itself.
            self._fail(key, name, said, final=type(error).__name__ == "KilledWorker")

    def _fail(self, key: str, name: Any, reason: str, *, final: bool = False) -> None:
        """Note a failure of a call; it goes to the end of the line, or is set aside."""
        del self._running[key]
        self._last = time.monotonic()
        reasons = self._failures.setdefault(name, [])
        reasons.append(reason)
        if final or len(reasons) >= self.tries:
            self.outcome.set_aside[name] = reasons
        else:
            self._todo.append(name)

    def _state(self) -> str:
        status = getattr(self.client, "status", "unknown")
        if status != "running":
            return f"the scheduler does not answer (the client is {status})"
        if not self._workers:
            return "there are no workers" + (f" with the resource {self.resource!r}" if self.resource else "")
        at_work = ", ".join(f"{name} on {worker}" for name, worker, _ in list(self._running.values())[:5])
        return f"{len(self._workers)} workers; at work: {at_work or 'nothing'}"

    def _let_go(self) -> None:
        """Tell the scheduler to forget what is still at work, without waiting for an answer."""
        for _, _, future in self._running.values():
            future.release()
        self._running.clear()


def workers_of(client: Any, resource: str | None = None) -> set[str] | None:
    """Addresses of the workers, or None where the scheduler does not answer.

    Raises:
        ClusterError: if the client has given its scheduler up.
    """
    if client.status in ("closing", "closed"):
        raise ClusterError("the scheduler is gone")
    if client.status != "running":
        return None
    try:
        found = client.sync(client.scheduler.identity, callback_timeout=ANSWER)["workers"]
    except Exception:  # of many kinds: a time limit, a comm that was closed, a client that closes meanwhile
        return None
    return set(_declaring(found, resource))


def _declaring(workers: Mapping[str, Any], resource: str | None) -> Iterable[str]:
    for address, about in workers.items():
        if resource is None or about["resources"].get(resource, 0) > 0:
            yield address
