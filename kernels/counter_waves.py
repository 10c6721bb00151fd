"""Two waves that travel against each other and exchange power along the way, in closed form.

With the carrier exp(i pi z / period) taken out, and the local grating phase psi,

    dA/dz =  i delta A + i kappa exp( i psi) B,
    dB/dz = -i delta B - i kappa exp(-i psi) A        (Erdogan, J. Lightwave Technol. 15, 1277 (1997), Eqs. 9-10).

The section is solved exactly, as a scattering matrix: a boundary-value problem has no growing exponential in that form,
however strong the grating.
"""

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.elementwise import with_rule


@jax.jit
def counter_coupled(coupling: jax.Array, detuning: jax.Array, loss: jax.Array, length: jax.Array) -> jax.Array:
    """Scattering matrix of a uniform section of two counter-propagating, coupled waves.

    Args:
        coupling: kappa in rad/um, real.
        detuning: delta in rad/um, real.
        loss: field attenuation of either wave in 1/um.
        length: length in um.

    Returns:
        S[..., out, in] of shape [..., 2, 2], ports left and right, of the slow amplitudes at grating phase zero. All
        arguments broadcast; derivatives are finite at the band edge (|delta| = kappa) and at zero coupling.
    """
    coupling, detuning, loss, length = jnp.broadcast_arrays(coupling, detuning, loss, length)
    delta = lax.complex(detuning, loss)
    cosine, sine, exponent = even_waves(delta * delta - lax.complex(coupling**2, jnp.zeros_like(coupling)), length)
    inverse = 1.0 / (cosine - 1j * delta * sine)
    reflected = lax.complex(jnp.zeros_like(coupling), coupling) * sine * inverse
    passed = inverse * jnp.exp(-exponent).astype(inverse.dtype)
    return jnp.stack([reflected, passed, passed, reflected], axis=-1).reshape((*coupling.shape, 2, 2))


def even_waves(square: jax.Array, length: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """cos(q length) and sin(q length) / q with q^2 = `square`, both divided by exp(exponent), and the exponent.

    Both are smooth functions of q^2 itself, so q = 0 is no branch point and derivatives are exact there.

    Args:
        square: q^2, complex.
        length: real length, of the same shape.
    """
    q = jnp.sqrt(lax.stop_gradient(square))
    exponent = jnp.abs(jnp.imag(q)) * lax.stop_gradient(length)
    cosine, sine = _even_waves(square, length, exponent)
    return cosine, sine, exponent


def _even_values(square: jax.Array, length: jax.Array, exponent: jax.Array) -> tuple[jax.Array, ...]:
    q = jnp.sqrt(square)
    phase = q * length.astype(q.dtype)
    # exp(+-i phase) divided by exp(exponent): one of them is of modulus one, the other decays.
    scale = lax.complex(-exponent, jnp.zeros_like(exponent))
    forward, backward = jnp.exp(1j * phase + scale), jnp.exp(-1j * phase + scale)
    small = jnp.abs(phase) < _series_below(length.dtype)
    safe = jnp.where(small, jnp.ones_like(q), q)
    x = phase * phase
    series = length.astype(q.dtype) * (1.0 - x / 6.0 + x * x / 120.0) * jnp.exp(scale)
    return 0.5 * (forward + backward), jnp.where(small, series, -0.5j * (forward - backward) / safe)


def _even_rule(
    primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
    square, length, exponent = primals
    d_square, d_length, _ = tangents
    cosine, sine = _even_waves(square, length, exponent)
    real_length = length.astype(sine.dtype)
    x = square * real_length**2
    small = jnp.abs(x) < 0.05
    # d(sine)/d(square) = (length cosine - sine) / (2 square), by its series where that cancels.
    scale = lax.complex(jnp.exp(-exponent), jnp.zeros_like(exponent))
    series = -(real_length**3) * (1.0 / 6.0 - x / 60.0 + x**2 / 1680.0 - x**3 / 90720.0 + x**4 / 7983360.0) * scale
    closed = (real_length * cosine - sine) / (2.0 * jnp.where(small, jnp.ones_like(square), square))
    by_square = jnp.where(small, series, closed)
    d_length = d_length.astype(sine.dtype)
    d_cosine = -0.5 * real_length * sine * d_square - square * sine * d_length
    return (cosine, sine), (d_cosine, by_square * d_square + cosine * d_length)


# A rule of a `jax.custom_jvp` would be lost in second derivatives through a scan.
_even_waves = with_rule("even_waves", _even_values, _even_rule, like=(0, 0))


def _series_below(dtype: jnp.dtype) -> float:
    return 1e-2 if dtype == jnp.float64 else 0.1
