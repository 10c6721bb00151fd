"""Lattice filters: couplers and delay lines in turn, from one Mach-Zehnder interferometer to flat-top interleavers.

Coupler k is [[t, i k], [i k, t]] on the amplitudes of the upper and the lower guide; the delay line after it has arms
of different lengths. With N delay lines there are N + 1 couplers, and the amplitudes at both outputs are polynomials
of degree N in exp(2 pi i n_eff delay / wl) where all delays are equal.

K. Jinguji and M. Kawachi, J. Lightwave Technol. 13, 73 (1995); C. K. Madsen and J. H. Zhao, Optical Filter Design and
Analysis (1999), chapter 4.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.coupler import Coupler
from photonics_core.display import Shown
from photonics_core.index import IndexModel
from photonics_core.kernels.checks import check_finite, check_kind, check_range, is_concrete
from photonics_core.kernels.transfer_matrix import transfer_chain
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE


class LatticeFilter(Shown):
    """A cascade of couplers and delay lines. Ports as those of a `Coupler`: `in`, `add`, `through`, `cross`.

    `in` and `through` are the ends of the upper guide, `add` and `cross` those of the lower.

    Args:
        couplers: N + 1 couplers, of any kinds, in the order in which light passes them.
        index: index model of the guides.
        delays: by how much the upper arm is longer than the lower one, in um, shape [N]; of either sign.
        lower_lengths: lengths of the lower arms in um, shape [N], or one number for all.

    Raises:
        ValueError: if the couplers are not one more than the delays, or an arm is shorter than nothing.
    """

    couplers: tuple[Coupler, ...] = eqx.field(converter=tuple)
    index: IndexModel
    delays: Any = eqx.field(converter=as_leaf)
    lower_lengths: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        for k, coupler in enumerate(self.couplers):
            check_kind(f"couplers[{k}]", coupler, Coupler)
        check_kind("index", self.index, IndexModel)
        check_finite("delays", self.delays, "um")
        if np.ndim(self.delays) != 1 or len(self.couplers) != np.shape(self.delays)[0] + 1:
            shape = np.shape(self.delays)
            raise ValueError(f"{len(self.couplers)} couplers are not one more than delays of shape {shape}")
        check_range("lower_lengths", self.lower_lengths, 0.0, np.inf, "um")
        if np.shape(self.lower_lengths) not in ((), np.shape(self.delays)):
            raise ValueError(
                f"lower_lengths of shape {np.shape(self.lower_lengths)} do not fit {np.shape(self.delays)}"
            )
        if is_concrete(self.delays, self.lower_lengths):
            check_range("length of an upper arm", self.lower_lengths + self.delays, 0.0, np.inf, "um")

    @classmethod
    def mach_zehnder(
        cls, couplers: Sequence[Coupler], index: IndexModel, delay: Any, arm: Any = 0.0
    ) -> "LatticeFilter":
        """One Mach-Zehnder interferometer, `delay` um longer above than below, where the arm is `arm` um long.

        With two equal halves of the power the cross port passes cos^2(pi n_eff delay / wl).
        """
        return cls(tuple(couplers), index, as_leaf([delay]), arm)

    def transmission(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> jax.Array:
        """Transfer matrix from (in, add) to (through, cross), shape [..., 2, 2], the leading axes those of `wl`.

        Args:
            wl: free-space wavelength in um.
            temperature: temperature in K.
            extra_path: optical path in um that heaters add to the upper arms, shape [N].

        Raises:
            ValueError: as the index model and couplers do, or for `extra_path` of another shape.
        """
        if extra_path is not None and np.shape(extra_path) != np.shape(self.delays):
            raise ValueError(f"extra_path of shape {np.shape(extra_path)} is not {np.shape(self.delays)}")
        row = [self._coupler(self.couplers[0], wl)]
        for k, coupler in enumerate(self.couplers[1:]):
            heated = None if extra_path is None else jnp.asarray(extra_path)[k]
            row += [self._delay_line(k, wl, temperature, heated), self._coupler(coupler, wl)]
        dtype = jnp.result_type(*row)
        return transfer_chain(jnp.stack([matrix.astype(dtype) for matrix in row]))

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE, extra_path: Any = None) -> SMatrix:
        """Scattering matrix over `wl`, ports in, add, through, cross; arguments as for `transmission`."""
        matrix = self.transmission(wl, temperature, extra_path)
        ends = enumerate(("in", "add")), tuple(enumerate(("through", "cross")))
        pairs = {(source, target): matrix[..., j, i] for i, source in ends[0] for j, target in ends[1]}
        return SMatrix.from_pairs(("in", "add", "through", "cross"), pairs, wl, reciprocal=True)

    def fsr(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Free spectral range wl^2 / (n_g |delay|) in um of each delay line, shape [..., N].

        To first order in the dispersion; infinite for a delay of zero.
        """
        wl = jnp.asarray(wl, jnp.result_type(float))
        single = wl * wl / self.index.group_index(wl, temperature)
        delays = jnp.abs(jnp.asarray(self.delays, single.dtype))
        return single[..., None] / jnp.broadcast_to(delays, (*single.shape, *delays.shape))

    def _coupler(self, coupler: Coupler, wl: Any) -> jax.Array:
        angle = jnp.broadcast_to(coupler.coupling_angle(wl), jnp.shape(wl))
        passed = jnp.exp(-coupler.loss_exponent()).astype(angle.dtype)
        nothing = jnp.zeros_like(angle)
        bar = jax.lax.complex(passed * jnp.cos(angle), nothing)
        cross = jax.lax.complex(nothing, passed * jnp.sin(angle))
        return _matrix(bar, cross, cross, bar)

    def _delay_line(self, k: int, wl: Any, temperature: Any, heated: Any) -> jax.Array:
        lower = self.lower_lengths if np.ndim(self.lower_lengths) == 0 else self.lower_lengths[k]
        upper = self._arm(lower + self.delays[k], wl, temperature, heated)
        lower = self._arm(lower, wl, temperature, None)
        return _matrix(upper, jnp.zeros_like(upper), jnp.zeros_like(upper), lower)

    def _arm(self, length: Any, wl: Any, temperature: Any, heated: Any) -> jax.Array:
        """Complex amplitude out / in of one arm."""
        turns = self.index.turns(length, wl, temperature)
        turns = jnp.broadcast_to(turns if heated is None else turns + heated / jnp.asarray(wl), jnp.shape(wl))
        phase = 2.0 * jnp.pi * turns
        passed = jnp.exp(-0.5 * self.index.attenuation(wl, temperature) * length).astype(phase.dtype)
        return jax.lax.complex(passed * jnp.cos(phase), passed * jnp.sin(phase))


def _matrix(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> jax.Array:
    return jnp.stack([a, b, c, d], axis=-1).reshape(*a.shape, 2, 2)
