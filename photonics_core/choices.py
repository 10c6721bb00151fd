"""Discrete choices by enumeration: every one is optimised, and the best comes first.

    found = enumerate_choices(solve, order=cyclic_orders(8), ports=("add", "drop"))
    found[0].choice, found[0].optimum

`solve` takes one choice as keyword arguments and returns its `Optimum`. Few choices are many runs: 8 channels have 8
cyclic orders, 2544 that differ by more than turns and mirrors, and 40320 in all.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from photonics_core.kernels.checks import check_kind, check_range
from photonics_core.optimum import Optimum

#: Lists of orders end here; a longer one is no enumeration any more.
MOST_ORDERS = 50_000


@dataclass(frozen=True)
class Chosen:
    """One choice, by the names of its parts, and the best design found with it."""

    choice: dict[str, Any]
    optimum: Optimum


def enumerate_choices(solve: Callable[..., Optimum], **parts: Iterable[Any]) -> list[Chosen]:
    """Solve for every combination of the parts.

    Args:
        solve: takes one value of each part by its name; returns an `Optimum`.
        parts: by name, the values to choose from.

    Returns:
        All choices, the best first: those that meet their constraints by their value, then the others by their
        violation.

    Raises:
        ValueError: if there is no part, a part has no values, or `solve` returns something else. What `solve` raises
            is raised, with a note of the choice.
    """
    for name, values in parts.items():
        if not isinstance(values, Iterable):
            raise ValueError(f"{name} = {values!r} is not a list of values to choose from")
    lists = {name: list(values) for name, values in parts.items()}
    if not lists:
        raise ValueError("there is nothing to choose from: no parts")
    for name, values in lists.items():
        if not values:
            raise ValueError(f"{name} has no values to choose from")
    choices = [dict(zip(lists, each, strict=True)) for each in itertools.product(*lists.values())]
    return sorted((_solved(solve, choice) for choice in choices), key=lambda each: _rank(each.optimum))


def _solved(solve: Callable[..., Optimum], choice: dict[str, Any]) -> Chosen:
    try:
        optimum = solve(**choice)
    except Exception as error:
        error.add_note(f"at the choice {choice}")
        raise
    check_kind(f"solve({choice})", optimum, Optimum)
    return Chosen(choice, optimum)


def _rank(optimum: Optimum) -> tuple[float, float]:
    violation, value = (math.inf if math.isnan(each) else each for each in (optimum.violation, optimum.value))
    return (0.0 if optimum.is_feasible else violation), value


def cyclic_orders(count: int) -> list[tuple[int, ...]]:
    """Orders of channels that differ by a barrel shift: ring i serves channel (i + shift) mod count."""
    check_range("count", count, 1, MOST_ORDERS)
    return [tuple((i + shift) % count for i in range(count)) for shift in range(count)]


def channel_orders(count: int, *, distinct: bool = False) -> list[tuple[int, ...]]:
    """All orders of channels along a bus: ring i serves channel order[i].

    Args:
        count: number of channels, up to 8.
        distinct: leave out what a turn of the channels (they repeat after a free spectral range) or a mirrored bus
            turns into one another.

    Raises:
        ValueError: for a count outside [1, 8].
    """
    check_range("count", count, 1, 8)
    orders = list(itertools.permutations(range(count)))
    return [order for order in orders if order == _representative(order)] if distinct else orders


def _representative(order: tuple[int, ...]) -> tuple[int, ...]:
    """The first, by the alphabet, of the orders that turns of the channels and the mirrored bus make of one."""
    count = len(order)
    both = (order, order[::-1])
    return min(tuple((channel + turn) % count for channel in each) for each in both for turn in range(count))
