"""States whose rates differ by many orders, over long times: implicit steps that follow the slow ones.

The method is the singly diagonally implicit Runge-Kutta pair of order 5 of A. Kvaerno, BIT 44, 489 (2004), L-stable, as
the library diffrax (P. Kidger, On Neural Differential Equations, thesis, Oxford (2021)) has it, with its control of the
step by the error. Diffrax is an optional dependency and is loaded when this is used.
"""

import importlib
from collections.abc import Callable
from typing import Any

import jax

#: Steps at most, of which a run that needs more says that it does.
MOST_STEPS = 200_000


def load_diffrax() -> Any:
    """The library.

    Raises:
        ImportError: where it is missing, with what to install.
    """
    try:
        return importlib.import_module("diffrax")
    except ImportError:
        raise ImportError(
            "implicit steps over long times need diffrax, which is not installed: "
            'pip install "photonics-core[dynamics]"'
        ) from None


def stiff_steps(
    rates: Callable[[Any, jax.Array, Any], jax.Array],
    start: jax.Array,
    times: jax.Array,
    options: Any,
    rtol: Any,
    atol: Any,
    most_steps: int = MOST_STEPS,
) -> jax.Array:
    """States at `times`, for use within `jit`.

    Args:
        rates: dy/dt of time, states and options.
        start: real states at the first time, shape [S], each of the size of one where it matters.
        times: rising, shape [K].
        options: pytree that is handed to `rates`; it carries derivatives.
        rtol: error of a step over the state.
        atol: error of a step below which a state does not count.
        most_steps: steps at most; a run that needs more raises an error.

    Returns:
        Shape [K, S].

    Raises:
        ImportError: where diffrax is missing.
    """
    diffrax = load_diffrax()
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(rates),
        diffrax.Kvaerno5(),
        times[0],
        times[-1],
        None,
        start,
        options,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
        max_steps=most_steps,
    )
    return solution.ys
