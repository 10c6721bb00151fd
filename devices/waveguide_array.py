"""An array of parallel guides, each coupled to its neighbours: discrete diffraction, Bloch oscillation, couplers of N.

The amplitudes follow

    dA_k/dz = i (delta_k + i alpha_k / 2) A_k + i (C_{k-1} A_{k-1} + C_k A_{k+1}),

with the detunings delta_k of the guides' propagation constants from a reference, the couplings C_k and the power
losses alpha_k. In a uniform array light sent into one guide spreads as A_n = i^n J_n(2 C z); a detuning that rises by
`step` from guide to guide brings it back after each 2 pi / step.

D. N. Christodoulides, F. Lederer and Y. Silberberg, Nature 424, 817 (2003).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.coupling_map import CouplingMap
from photonics_core.display import Shown
from photonics_core.index import IndexModel
from photonics_core.kernels.block_tridiagonal import product
from photonics_core.kernels.checks import check_finite, check_kind, check_range
from photonics_core.kernels.coupled_mode import propagator
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE, attenuation


class GapCouplings(Shown):
    """Couplings of neighbours by their gaps, a function of wavelength.

    Args:
        map: coupling of a pair of guides over gap and wavelength.
        gaps: gaps in um, shape [N - 1], at least the narrowest of the map.

    Raises:
        ValueError: for a gap below that of the map, or gaps that are not along one axis.
    """

    map: CouplingMap
    gaps: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_kind("map", self.map, CouplingMap)
        check_range("gaps", self.gaps, self.map.gap_range[0], np.inf, "um")
        _check_row("gaps", self.gaps)

    def __call__(self, wl: Any) -> jax.Array:
        """Couplings in rad/um at `wl` in um, shape [..., N - 1]."""
        wl = jnp.asarray(wl)[..., None]
        shape = (*wl.shape[:-1], np.shape(self.gaps)[0])
        return self.map.coupling(jnp.broadcast_to(self.gaps, shape), jnp.broadcast_to(wl, shape))


class WaveguideArray(Shown):
    """N parallel guides with coupling between neighbours. Ports: `in_1` ... `in_N`, `out_1` ... `out_N`.

    Args:
        length: length in um, at least 0.
        coupling: couplings C_k of guides k and k + 1 in rad/um, shape [N - 1], or `GapCouplings`. A uniform array is
            made by `uniform`.
        detuning: detunings delta_k in rad/um from the reference, shape [N], or one number for all.
        loss_db_cm: propagation losses in dB/cm, shape [N], or one number for all.
        index: index model of the reference; None leaves its phase out, as couplers do. Its own loss adds to
            `loss_db_cm`.

    What is left out: coupling beyond the nearest neighbour, its change of the guides' own propagation constants, and
    waves that run back. Raises `ValueError` for a value outside its range or a shape that does not fit.
    """

    length: Any = eqx.field(converter=as_leaf)
    coupling: Any = eqx.field(converter=as_leaf)
    detuning: Any = eqx.field(converter=as_leaf, default=0.0)
    loss_db_cm: Any = eqx.field(converter=as_leaf, default=0.0)
    index: IndexModel | None = None

    def __check_init__(self) -> None:
        check_range("length", self.length, 0.0, np.inf, "um")
        if not isinstance(self.coupling, GapCouplings):
            check_finite("coupling", self.coupling, "rad/um")
            _check_row("coupling", self.coupling)
        check_finite("detuning", self.detuning, "rad/um")
        check_range("loss_db_cm", self.loss_db_cm, 0.0, np.inf, "dB/cm")
        for name in ("detuning", "loss_db_cm"):
            if np.shape(getattr(self, name)) not in ((), (self.count,)):
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} is not () or ({self.count},)")
        if self.index is not None:
            check_kind("index", self.index, IndexModel)

    @classmethod
    def uniform(cls, count: int, coupling: Any, length: Any, step: Any = 0.0, **options: Any) -> "WaveguideArray":
        """An array with one coupling and a linear ramp of detunings.

        Args:
            count: number N of guides, at least 2.
            coupling: C in rad/um, the same for all neighbours.
            length: length in um.
            step: rise of the detuning from guide to guide in rad/um; the mean detuning is zero.
            options: `loss_db_cm` and `index`.

        Raises:
            ValueError: for fewer than two guides, or another value outside its range.
        """
        check_range("count", count, 2)
        check_finite("coupling", coupling, "rad/um")
        check_finite("step", step, "rad/um")
        ramp = (np.arange(count) - 0.5 * (count - 1)) * as_leaf(step)
        return cls(length, np.ones(count - 1) * as_leaf(coupling), ramp, **options)

    @property
    def count(self) -> int:
        """Number N of guides."""
        row = self.coupling.gaps if isinstance(self.coupling, GapCouplings) else self.coupling
        return np.shape(row)[-1] + 1

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports: inputs, then outputs, numbered from 1."""
        return tuple(f"{end}_{k + 1}" for end in ("in", "out") for k in range(self.count))

    def couplings(self, wl: Any) -> jax.Array:
        """Couplings in rad/um at `wl` in um, shape [..., N - 1]."""
        if isinstance(self.coupling, GapCouplings):
            return self.coupling(wl)
        return jnp.broadcast_to(jnp.asarray(self.coupling), (*np.shape(wl), self.count - 1))

    def matrix(self, wl: Any) -> jax.Array:
        """Matrix M in rad/um of dA/dz = i M A at `wl` in um, shape [..., N, N], less the reference."""
        beside = self.couplings(wl)
        diagonal = jnp.broadcast_to(jnp.asarray(self.detuning, beside.dtype), (self.count,))
        loss = jnp.broadcast_to(jnp.asarray(0.5 * attenuation(self.loss_db_cm), beside.dtype), (self.count,))
        own = jnp.diag(jax.lax.complex(diagonal, loss))
        upper = beside[..., :, None] * jnp.eye(self.count - 1, self.count, 1, dtype=beside.dtype)[_rows(beside)]
        upper = jnp.concatenate([upper, jnp.zeros_like(upper[..., :1, :])], axis=-2)
        coupled = upper + jnp.swapaxes(upper, -1, -2)
        return jax.lax.complex(coupled, jnp.zeros_like(coupled)) + own[_rows(beside)]

    def transmission(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Transfer matrix from inputs to outputs, shape [..., N, N], the leading axes those of `wl`."""
        matrix = propagator(self.matrix(wl), self.length)
        if self.index is None:
            return matrix
        return matrix * self._reference(wl, temperature)[..., None, None].astype(matrix.dtype)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix over `wl` in um at `temperature` in K, ports in_1 ... in_N, out_1 ... out_N."""
        forward = self.transmission(wl, temperature)
        nothing = jnp.zeros_like(forward)
        rows = [
            jnp.concatenate([nothing, jnp.swapaxes(forward, -1, -2)], axis=-1),
            jnp.concatenate([forward, nothing], axis=-1),
        ]
        return SMatrix(jnp.concatenate(rows, axis=-2), self.ports, wl)

    def amplitudes_along(self, z: Any, amplitudes: Any, wl: Any = 1.55) -> jax.Array:
        """Amplitudes within the array, less the phase of the reference, for a picture of their powers over z.

        Args:
            z: positions in um, shape [K]; beyond `length` the array is thought to go on.
            amplitudes: amplitudes at z = 0, square roots of power, shape [N].
            wl: free-space wavelength in um, a number.

        Returns:
            Amplitudes, shape [K, N].

        Raises:
            ValueError: for shapes that do not fit.
        """
        if np.shape(amplitudes) != (self.count,) or np.ndim(z) != 1 or np.ndim(wl):
            shapes = np.shape(z), np.shape(amplitudes), np.shape(wl)
            raise ValueError(f"z, amplitudes and wl of shapes {shapes} are not [K], [{self.count}] and one number")
        matrices = propagator(self.matrix(wl), jnp.asarray(z, jnp.result_type(float)))
        start = jnp.asarray(amplitudes).astype(matrices.dtype)
        return product(matrices, jnp.broadcast_to(start[None, :, None], (*matrices.shape[:-1], 1)))[..., 0]

    def _reference(self, wl: Any, temperature: Any) -> jax.Array:
        """Amplitude out / in of the reference guide."""
        assert self.index is not None
        phase = 2.0 * jnp.pi * self.index.turns(self.length, wl, temperature)
        passed = jnp.exp(-0.5 * self.index.attenuation(wl, temperature) * self.length).astype(phase.dtype)
        return jax.lax.complex(passed * jnp.cos(phase), passed * jnp.sin(phase))


def _check_row(name: str, values: Any) -> None:
    if np.ndim(values) != 1 or np.shape(values)[0] < 1:
        raise ValueError(f"{name} of shape {np.shape(values)} is not one axis of one or more numbers")


def _rows(values: jax.Array) -> tuple[Any, ...]:
    """An index that gives a matrix the leading axes of a row of values."""
    return (None,) * (values.ndim - 1)
