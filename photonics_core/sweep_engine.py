"""The local engine of a sweep: the same compiled program on every device at hand, one block in flight on each.

A device holds one block at a time, while the host draws the next one and copies the last one out. More in flight would
gain nothing, and two programs with batched LAPACK calls at once can wait for each other for ever on a CPU.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.sweep_program import Program


def local_devices(wanted: int | Sequence[Any] | None = None) -> list[Any]:
    """Devices of this process of the kind that JAX uses: all of them, the first so many, or those that are given.

    Raises:
        ValueError: if there are fewer than asked for.
    """
    if wanted is not None and not isinstance(wanted, int | np.integer):
        if not wanted:
            raise ValueError("devices is empty")
        return list(wanted)
    first = next(iter(jnp.zeros(()).devices()))
    others = [each for each in jax.local_devices(backend=first.client.platform) if each != first]
    found = [first, *others]
    if wanted is None:
        return found
    if isinstance(wanted, bool) or not 1 <= wanted <= len(found):
        raise ValueError(f"devices = {wanted} is outside [1, {len(found)}], what there is of {first.platform}")
    return found[: int(wanted)]


class Engine:
    """A program compiled for blocks of one size on some devices.

    Args:
        program: what is computed.
        block: samples of a block.
        devices: where, as `local_devices` takes it.
    """

    def __init__(self, program: Program, block: int, devices: int | Sequence[Any] | None = None) -> None:
        self.program: Program = program
        self.block: int = block
        self.devices: list[Any] = local_devices(devices)
        # The first compilation fills what the others use.
        self._compiled = [program.compiled(block, self.devices[0])]
        with ThreadPoolExecutor(len(self.devices)) as pool:
            self._compiled += pool.map(lambda device: program.compiled(block, device), self.devices[1:])
        self._shared = [jax.device_put(program.shared, device) for device in self.devices]

    def compute(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Results of the samples from `start` up to `stop`, arrays of NumPy with a leading axis of samples.

        Args:
            start: global index of the first sample, a multiple of the block.
            stop: global index after the last sample, a multiple of the block or the end of the plan.

        Raises:
            ValueError: if a device has not the memory for a block.
        """
        try:
            return self._compute(start, stop)
        except jax.errors.JaxRuntimeError as error:
            if "KeyboardInterrupt" in str(error):  # in a function that calls back
                raise KeyboardInterrupt from None
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            raise ValueError(
                f"block = {self.block} samples need more memory than there is on a device; give a smaller block"
            ) from error

    def _compute(self, start: int, stop: int) -> dict[str, np.ndarray]:
        outputs = self.program.outputs.items()
        found = {name: np.empty((stop - start, *each.shape), each.dtype) for name, each in outputs}
        running: dict[int, tuple[int, Any]] = {}
        for number, low in enumerate(range(start, stop, self.block)):
            place = number % len(self.devices)
            arguments = jax.device_put(self.program.rows(low, self.block), self.devices[place])
            before = running.get(place)
            if before is not None:
                jax.block_until_ready(before[1])
            running[place] = low, self._compiled[place](self._shared[place], *arguments)
            if before is not None:
                _keep(found, start, *before)
        for low, results in running.values():
            _keep(found, start, low, results)
        return found


def _keep(found: dict[str, np.ndarray], start: int, low: int, results: dict[str, Any]) -> None:
    """Copy the results of a block to their place."""
    for name, values in found.items():
        part = values[low - start : low - start + len(results[name])]
        part[...] = np.asarray(results[name])[: len(part)]
