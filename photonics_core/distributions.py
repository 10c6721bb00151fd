"""Distributions of one quantity, drawn by their quantile functions, so that any sequence in (0, 1) can drive them.

The normal quantile is `scipy.special.ndtri`, number by number and in float64: a draw does not depend on how many others
are made with it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from photonics_core.kernels.checks import check_finite, check_kind, check_range


@dataclass(frozen=True)
class Distribution:
    """Base of the distributions: two parameters, numbers or arrays that broadcast; each element is drawn by itself."""

    fields: ClassVar[tuple[str, str]] = ("lower", "upper")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one draw."""
        return np.broadcast_shapes(*(np.shape(getattr(self, name)) for name in self.fields))

    def identity(self) -> dict[str, Any]:
        """What it is, as JSON holds it."""
        own = {name: np.asarray(getattr(self, name), np.float64).tolist() for name in self.fields}
        return {"kind": type(self).__name__, **own}

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Values at probabilities u in (0, 1), of shape [..., *shape]."""
        raise NotImplementedError

    def _parameters(self) -> tuple[np.ndarray, np.ndarray]:
        first, second = (np.asarray(getattr(self, name), np.float64) for name in self.fields)
        return first, second

    def _check(self) -> None:
        for name in self.fields:
            check_finite(name, getattr(self, name))
        try:
            _ = self.shape
        except ValueError:
            shapes = ", ".join(f"{name} of shape {np.shape(getattr(self, name))}" for name in self.fields)
            raise ValueError(f"{shapes} do not broadcast") from None

    def _check_order(self) -> None:
        lower, upper = np.broadcast_arrays(*self._parameters())
        if np.any(crossed := lower > upper):
            raise ValueError(f"lower = {lower[crossed][0]:.6g} is above upper = {upper[crossed][0]:.6g}")


@dataclass(frozen=True)
class Uniform(Distribution):
    """Equally likely between two bounds.

    Args:
        lower, upper: bounds, numbers or arrays.
    """

    lower: Any
    upper: Any

    def __post_init__(self) -> None:
        self._check()
        self._check_order()

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Values at probabilities u."""
        lower, upper = self._parameters()
        return np.minimum(lower + u * (upper - lower), upper)


@dataclass(frozen=True)
class LogUniform(Distribution):
    """Equally likely in the logarithm, for what changes by factors.

    Args:
        lower, upper: bounds above zero, numbers or arrays.
    """

    lower: Any
    upper: Any

    def __post_init__(self) -> None:
        self._check()
        self._check_order()
        check_range("lower", self.lower, 0.0, exclusive=True)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Values at probabilities u."""
        lower, upper = self._parameters()
        # Number by number: NumPy's vectors of exp and log may round otherwise than its single numbers.
        return np.clip(lower * _powers(upper / lower, u), lower, upper)


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal distribution.

    Args:
        mean: mean, a number or array.
        deviation: standard deviation, zero or more.
    """

    mean: Any
    deviation: Any
    fields: ClassVar[tuple[str, str]] = ("mean", "deviation")

    def __post_init__(self) -> None:
        self._check()
        check_range("deviation", self.deviation, 0.0)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Values at probabilities u."""
        from scipy.special import ndtri

        mean, deviation = self._parameters()
        return mean + deviation * ndtri(u)


def check_axes(axes: Any) -> None:
    """Raise a `ValueError` unless `axes` are distributions by name."""
    for name, axis in axes.items():
        check_kind(f"axis {name!r}", axis, Distribution)


def _powers(base: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    from scipy.special import exp2

    return exp2(exponent * np.log2(base))
