"""Cases of one precision, whatever the process has chosen, under JAX's ordinary promotion."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax

from photonics_core.validation.registry import Evidence


@contextmanager
def in_precision(name: str) -> Iterator[None]:
    """Compute in "float64" or "float32" inside this context. Build devices and arrays inside it too."""
    with jax.enable_x64(name == "float64"), jax.numpy_dtype_promotion("standard"):
        yield


def in_float64(compute: Callable[[], Evidence]) -> Callable[[], Evidence]:
    """Decorate a case so that it computes in float64."""

    @functools.wraps(compute)
    def wrapped() -> Evidence:
        with in_precision("float64"):
            return compute()

    return wrapped
