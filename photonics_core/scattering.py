"""The scattering matrix of a device over wavelength, with names for its ports.

S[..., i, j] is the wave out of port i for a wave into port j. A dict for circuit tools has keys (from, to), as in
their convention, so its entry (j, i) is S[..., i, j].
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Row, Shown, brief, summary_rows
from photonics_core.kernels.checks import check_choice
from photonics_core.units import SPEED_OF_LIGHT, db


def power(amplitude: jax.Array) -> jax.Array:
    """Power |amplitude|^2 of a complex amplitude, with a derivative that is finite at zero too."""
    return amplitude.real**2 + amplitude.imag**2


class SMatrix(Shown):
    """Scattering matrices with named ports.

    Args:
        values: complex amplitudes S[..., out, in]; the leading axes are those of `wl`.
        ports: names of the ports, in the order of the last two axes.
        wl: free-space wavelengths in um, the shape of the leading axes (or any shape for a constant matrix).

    Raises:
        ValueError: if the last two axes are not square or do not match the ports, or a name comes twice.
    """

    values: jax.Array
    ports: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    wl: Any

    def __check_init__(self) -> None:
        n = len(self.ports)
        if len(set(self.ports)) != n:
            raise ValueError(f"ports = {self.ports} has a name twice")
        shape = getattr(self.values, "shape", None)
        if shape is not None and shape[-2:] != (n, n):
            raise ValueError(f"values of shape {shape} do not end in ({n}, {n}), for ports {self.ports}")
        grid = getattr(self.wl, "shape", None)
        if shape is not None and grid and shape[:-2] and shape[:-2][-len(grid) :] != grid:
            raise ValueError(f"wl of shape {grid} does not match values of shape {shape}")

    @classmethod
    def from_pairs(
        cls, ports: Sequence[str], pairs: Mapping[tuple[str, str], Any], wl: Any, *, reciprocal: bool = False
    ) -> "SMatrix":
        """Build from amplitudes {(from, to): array}; pairs that are not given are zero.

        Args:
            ports: all port names, in order.
            pairs: complex amplitudes by (from, to), each of the shape of `wl` or a scalar.
            wl: free-space wavelengths in um.
            reciprocal: let (from, to) stand for (to, from) too.

        Raises:
            ValueError: if a pair names a port that is not in `ports`.
        """
        for name in (name for pair in pairs for name in pair):
            check_choice("port", name, ports)
        amplitudes = {pair: jnp.asarray(value) for pair, value in pairs.items()}
        if reciprocal:
            amplitudes = {pair[::-1]: value for pair, value in amplitudes.items()} | amplitudes
        shape = jnp.broadcast_shapes(jnp.shape(wl), *(value.shape for value in amplitudes.values()))
        dtype = np.result_type(np.complex64, *(value.dtype for value in amplitudes.values()))
        nothing = jnp.zeros(shape, dtype)
        entries = [
            jnp.broadcast_to(amplitudes.get((source, target), nothing), shape).astype(dtype)
            for target in ports
            for source in ports
        ]
        return cls(jnp.stack(entries, axis=-1).reshape((*shape, len(ports), len(ports))), tuple(ports), wl)

    @classmethod
    def from_dict(cls, pairs: Mapping[tuple[str, str], Any], wl: Any) -> "SMatrix":
        """Build from a circuit tool's dict {(from, to): array}; ports in order of first appearance."""
        ports = list(dict.fromkeys(name for pair in pairs for name in pair))
        return cls.from_pairs(ports, pairs, wl)

    def to_dict(self) -> dict[tuple[str, str], jax.Array]:
        """Amplitudes {(from, to): array} of all pairs of ports."""
        return {(source, target): self.amplitude(source, target) for source in self.ports for target in self.ports}

    def amplitude(self, source: str, target: str) -> jax.Array:
        """Complex amplitude out of port `target` for a unit wave into port `source`, shape of `wl`."""
        return self.values[..., self._index(target), self._index(source)]

    def power(self, source: str, target: str) -> jax.Array:
        """Power transmission from port `source` to port `target`, shape of `wl`."""
        return power(self.amplitude(source, target))

    def power_db(self, source: str, target: str) -> jax.Array:
        """Power transmission from `source` to `target` in dB; none at all is minus infinity."""
        return db(self.power(source, target))

    def group_delay(self, source: str, target: str) -> jax.Array:
        """Group delay d(phase)/d(angular frequency) in ps from `source` to `target`, shape [..., N].

        From the samples along the last axis of wavelengths: exact for a phase that is quadratic in frequency between
        neighbours, so `wl` must resolve the resonances. At least two wavelengths are needed.

        Raises:
            ValueError: if the last axis of `wl` has fewer than two wavelengths.
        """
        if jnp.ndim(self.wl) < 1 or jnp.shape(self.wl)[-1] < 2:
            raise ValueError(f"wl of shape {jnp.shape(self.wl)} has no axis of two or more wavelengths")
        amplitude = self.amplitude(source, target)
        step = jnp.angle(amplitude[..., 1:] * jnp.conj(amplitude[..., :-1]))
        # The frequency step from the wavelength step: a difference of two large frequencies would lose digits.
        wl = self.wl if isinstance(self.wl, jax.Array) else np.asarray(self.wl, np.float64)
        angular = (
            2.0 * jnp.pi * SPEED_OF_LIGHT * jnp.asarray((wl[..., :-1] - wl[..., 1:]) / (wl[..., :-1] * wl[..., 1:]))
        )
        angular = jnp.broadcast_to(angular, step.shape).astype(step.dtype)
        delay = step / angular
        # Each delay belongs to the middle of its interval; the two around a sample are averaged by their widths.
        left, right = angular[..., :-1], angular[..., 1:]
        inner = (delay[..., :-1] * right + delay[..., 1:] * left) / (left + right)
        return jnp.concatenate([delay[..., :1], inner, delay[..., -1:]], axis=-1)

    def reciprocity_residual(self) -> jax.Array:
        """Largest |S - S^T|: zero for a reciprocal device."""
        return jnp.max(jnp.abs(self.values - jnp.swapaxes(self.values, -1, -2)))

    def passivity_residual(self) -> jax.Array:
        """Largest singular value squared, less one: above zero, some input comes out with more power."""
        return jnp.max(jnp.linalg.norm(self.values, ord=2, axis=(-2, -1))) ** 2 - 1.0

    def unitarity_residual(self) -> jax.Array:
        """Largest |S^H S - 1|: zero for a lossless device."""
        product = jnp.matmul(jnp.conj(jnp.swapaxes(self.values, -1, -2)), self.values, precision="highest")
        return jnp.max(jnp.abs(product - jnp.eye(len(self.ports), dtype=product.dtype)[(None,) * (product.ndim - 2)]))

    def draw(self, ax: Any) -> None:
        """Draw the power in dB from the first port to all others over wavelength into axes; `wl` of shape [M]."""
        from photonics_core.plot import legend_above, spectrum

        source = self.ports[0]
        for target in self.ports[1:] or self.ports:
            spectrum(ax, self.wl, np.asarray(self.power(source, target)), label=f"{source} to {target}")
        legend_above(ax, columns=4)

    def _summary(self) -> Iterable[Row]:
        meanings = ("largest singular value squared less one", "largest |S - S^T|", "largest |S^H S - 1|")
        names = ("passivity_residual", "reciprocity_residual", "unitarity_residual")
        rows = summary_rows(names, (getattr(self, name)() for name in names), meanings)
        if np.ndim(self.values) == 2:
            rows += [(f"from {port}", brief(tuple(self.values[:, i])), "") for i, port in enumerate(self.ports)]
        return rows

    def _preview(self) -> Callable[[Any], None] | None:
        is_spectrum = np.ndim(self.wl) == 1 and np.ndim(self.values) == 3 and np.size(self.wl) > 2
        return self.draw if is_spectrum else None

    def _index(self, port: str) -> int:
        check_choice("port", port, self.ports)
        return self.ports.index(port)
