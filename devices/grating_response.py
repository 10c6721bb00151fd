"""What a grating coupler does with the light of its guide, and how much of it a fibre takes.

A fibre's beam is a Gaussian of plane waves, so that it fulfils the wave equation at any tilt. With F_b = sum_k A_k
exp(i (q_k x + r_k z)), q and r the components of its wave vector, and P_b its power, Lorentz reciprocity gives the
amplitude that it takes from the field F on a plane above the grating,

    c = (1 / 2 i) int (F_b^* p dF/dz - F p dF_b^*/dz) dx / (P_b P_in)^(1/2),        eta = |c|^2,

the same at whatever height the plane is, and the same from the fibre to the chip. It is the efficiency in two
dimensions, of light that is uniform along y; for a guide of a width W it takes the factor `lateral_overlap`. Reflection
at the fibre's own facet is left out.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.tilted_beam import TiltedBeam, check_beam, plane_waves
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_positive
from photonics_core.kernels.grating_fields import Line

#: Positions that are tried, and steps of Newton's method from the best of them.
POSITIONS, REFINEMENTS = 96, 6


class GratingResponse(Shown):
    """Light of unit power in the guide, scattered; with a leading axis for several wavelengths.

    Args:
        wl: free-space wavelength in um.
        reflection, transmission: amplitudes in the guide before and behind the grating, at the first and last joint.
        up, down: power that goes through the planes above and below, within the window. All powers are in units of that
            which comes to the first joint.
        sideways: power that leaves through the sides of the window, light in the guide apart.
        imbalance: power that comes in less all that goes out; what matter absorbs, or error.
        line: field on the plane above; `x` is counted from the first joint.
        height: of that plane above the surface in um.
        top_index: refractive index of the medium on top, real.
        weight: p of that medium, 1 for TE and 1 / eps for TM.
        span: where the grating begins and ends along x in um, shape [2].
    """

    wl: jax.Array
    reflection: jax.Array
    transmission: jax.Array
    up: jax.Array
    down: jax.Array
    sideways: jax.Array
    imbalance: jax.Array
    line: Line
    height: jax.Array
    top_index: jax.Array
    weight: jax.Array
    span: jax.Array

    @property
    def directionality(self) -> jax.Array:
        """Part of the radiated power that goes up."""
        return self.up / (self.up + self.down)

    @property
    def reflected(self) -> jax.Array:
        """Part of the power that comes back in the guide."""
        return jnp.abs(self.reflection) ** 2

    @property
    def transmitted(self) -> jax.Array:
        """Part of the power that goes on in the guide behind the grating."""
        return jnp.abs(self.transmission) ** 2

    def amplitude(self, beam: TiltedBeam, position: Any) -> jax.Array:
        """Amplitude c that a beam takes, shape of `wl`.

        Args:
            beam: one beam; map over several with `jax.vmap`.
            position: x in um, from the first joint, where its axis goes through the surface of the film: a number, or
                one for each wavelength.

        Raises:
            ValueError: for a beam of another kind or shape, or a position that is not finite or of another shape.
        """
        check_beam(beam)
        check_finite("position", position, "um")
        position = jnp.asarray(position, self.line.weight.dtype)
        if position.shape not in ((), self.wl.shape):
            raise ValueError(f"position of shape {position.shape} is not () or that of wl, {self.wl.shape}")
        return _amplitudes(self, beam, position)

    def efficiency(self, beam: TiltedBeam, position: Any = None) -> jax.Array:
        """Part of the power that a beam takes, at a position or, for None, at the best one of each wavelength.

        Arguments, shape and errors as of `amplitude`.
        """
        return jnp.abs(self.amplitude(beam, self.best_position(beam) if position is None else position)) ** 2

    def best_position(self, beam: TiltedBeam) -> jax.Array:
        """Position of the beam in um at which it takes most, shape of `wl`; its first derivatives are exact.

        It is sought from one waist before the grating to one behind.

        Raises:
            ValueError: for a beam of another kind or shape.
        """
        check_beam(beam)
        return _best_positions(self, beam)

    def _best(self, beam: TiltedBeam) -> jax.Array:
        taken, along = self._taken(beam)
        power = lambda x, taken, along: jnp.abs(_at(taken, along, x)) ** 2  # noqa: E731
        held = jax.lax.stop_gradient((taken, along))
        low, high = jax.lax.stop_gradient(search_range(self.span, beam))
        tried = low + (high - low) * jnp.linspace(0.0, 1.0, POSITIONS, dtype=along.dtype)
        x = tried[jnp.argmax(jax.vmap(lambda each: power(each, *held))(tried))]
        slope = jax.grad(power)
        bend = jax.grad(slope)
        limit = (high - low) / POSITIONS
        for _ in range(REFINEMENTS):
            curvature = bend(x, *held)
            # Beside an edge the best of those tried need not be a maximum: there it stays.
            step = jnp.where(curvature < 0.0, slope(x, *held) / jnp.where(curvature < 0.0, curvature, -1.0), 0.0)
            x = jnp.clip(x - jnp.clip(step, -limit, limit), low, high)
        x, curvature = jax.lax.stop_gradient((x, bend(x, *held)))
        # One more step, whose derivative is that of the maximum.
        step = slope(x, taken, along) / jnp.where(curvature < 0.0, curvature, -jnp.inf)
        return jnp.clip(x - step, low, high)

    def overlap(self, value: Any, slope: Any) -> jax.Array:
        """Part of the power that a mode takes which is given by its field on the plane above.

        Args:
            value: E_y of TE or H_y of TM at `line.x`, for a mode that runs upward, shape [n], or [N, n] for one at each
                wavelength.
            slope: its derivative along z in 1/um, likewise.

        Raises:
            ValueError: for shapes that do not fit, a field that is not finite, or one that carries no power upward.
        """
        for name, each in (("value", value), ("slope", slope)):
            if np.shape(each) not in (self.line.x.shape, self.line.x.shape[-1:]):
                raise ValueError(f"{name} of shape {np.shape(each)} is not {self.line.x.shape}, that of line.x")
            check_finite(name, jnp.abs(jnp.asarray(each)))
        dtype, whole = self.line.value.dtype, self.line.x.shape
        field, change = (jnp.broadcast_to(jnp.asarray(each).astype(dtype), whole) for each in (value, slope))
        change = change * self.weight[..., None].astype(dtype)
        power = jnp.sum(self.line.weight * (field.conj() * change).imag, axis=-1)
        check_positive("power upward of the field", power)
        crossed = field.conj() * self.line.slope - self.line.value * change.conj()
        return jnp.abs(0.5 * jnp.sum(self.line.weight.astype(dtype) * crossed, axis=-1)) ** 2 / power

    def far_field(self, along: Any) -> jax.Array:
        """Amplitude of the plane waves exp(i (q x + r z)) that leave upward; 0 where none does.

        |.|^2 / (2 pi r p) dq is the power between q and q + dq.

        Args:
            along: q in 1/um, a number or shape [n].

        Returns:
            Complex amplitudes of the shape of `along`, with the axis of `wl` before it.

        Raises:
            ValueError: for q of more axes, or not finite.
        """
        check_finite("along", along, "1/um")
        along = jnp.asarray(along, self.line.weight.dtype)
        if along.ndim > 1:
            raise ValueError(f"along of shape {along.shape} is not a number or [n]")
        return _far_fields(self, along)

    def _far(self, along: jax.Array) -> jax.Array:
        square = (2.0 * jnp.pi * self.top_index / self.wl) ** 2 - along**2
        leaves = square > 0.0
        sent = self._sent(jnp.atleast_1d(along), jnp.atleast_1d(jnp.sqrt(jnp.where(leaves, square, 1.0))))
        return jnp.where(leaves, sent.reshape(along.shape), 0.0)

    def _sent(self, along: jax.Array, upward: jax.Array) -> jax.Array:
        """(1 / 2 i) int exp(-i (q x + r h)) (p dF/dz + i r p F) dx."""
        phase = -(along[:, None] * self.line.x[None, :] + (upward * self.height)[:, None])
        waves = jax.lax.complex(jnp.cos(phase), jnp.sin(phase))
        weight = self.line.weight.astype(waves.dtype)
        value, slope = weight * self.line.value, weight * self.line.slope
        highest = jax.lax.Precision.HIGHEST
        sent = jnp.matmul(waves, slope, precision=highest)
        turned = 1j * (upward * self.weight).astype(waves.dtype) * jnp.matmul(waves, value, precision=highest)
        return -0.5j * (sent + turned)

    def _taken(self, beam: TiltedBeam) -> tuple[jax.Array, jax.Array]:
        """What each plane wave of a beam takes, with the beam at x = 0, and the wave vectors along x."""
        waves = plane_waves(beam, 2.0 * jnp.pi * self.top_index / self.wl)
        sent = self._sent(waves.along, waves.upward)
        return waves.amplitude.conj() * sent / jnp.sqrt(self.weight * waves.power).astype(sent.dtype), waves.along


def search_range(span: jax.Array, beam: TiltedBeam) -> tuple[jax.Array, jax.Array]:
    """Least and greatest position in um at which a best one is sought: a waist, as it meets the surface, beyond."""
    waist, angle = (jnp.asarray(each, span.dtype) for each in (beam.waist, beam.angle))
    reach = waist / jnp.cos(jnp.deg2rad(angle))
    return span[0] - reach, span[1] + reach


@jax.jit
def _amplitudes(response: GratingResponse, beam: TiltedBeam, position: jax.Array) -> jax.Array:
    def at(one: GratingResponse, x: jax.Array) -> jax.Array:
        taken, along = one._taken(beam)
        return _at(taken, along, x)

    if not response.wl.ndim:
        return at(response, position)
    return jax.vmap(at)(response, jnp.broadcast_to(position, response.wl.shape))


@jax.jit
def _best_positions(response: GratingResponse, beam: TiltedBeam) -> jax.Array:
    if not response.wl.ndim:
        return response._best(beam)
    return jax.vmap(lambda one: one._best(beam))(response)


@jax.jit
def _far_fields(response: GratingResponse, along: jax.Array) -> jax.Array:
    return jax.vmap(lambda one: one._far(along))(response) if response.wl.ndim else response._far(along)


def _at(taken: jax.Array, along: jax.Array, position: jax.Array) -> jax.Array:
    phase = along * position
    return jnp.sum(taken * jax.lax.complex(jnp.cos(phase), jnp.sin(phase)))
