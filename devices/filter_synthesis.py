"""Couplers of maximally flat filters of coupled rings, from the low-pass prototype.

Close to a resonance, rings with small couplings obey da_k/dt = -r_k a_k + i mu_k-1 a_k-1 + i mu_k a_k+1, as a ladder of
inductors and capacitors does. The Butterworth ladder with elements g_k = 2 sin((2 k - 1) pi / (2 N)) passes

    |drop / in|^2 = 1 / (1 + (f / f_c)^2N)

(G. L. Matthaei, L. Young and E. M. T. Jones, Microwave Filters (1964), section 4.05, for the elements, second hand). A
resonator at the end then loses its amplitude to the guide at the rate w_c / g_1, neighbours exchange light at the rate
w_c / (g_k g_k+1)^1/2, with w_c = 2 pi f_c; one ring, where g = 2 and the linewidth is 2 f_c, fixes the scale. A coupler
of the angle theta leaves cos(theta) = exp(-T w_c / g_1) of the amplitude after a round trip of the time T, and two
rings exchange theta / T, exactly: they split by theta / T to either side. The error is of second order in T w_c, as
time goes in steps of T: a start for a design.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_positive, check_range


def flat_top_angles(count: int, cutoff: Any, fsr: Any) -> jax.Array:
    """Coupling angles in rad of the maximally flat filter of equal rings, shape [count + 1].

    Args:
        count: number of rings N.
        cutoff: frequency in THz from the middle at which half of the power is dropped.
        fsr: free spectral range of a ring in THz.

    Raises:
        ValueError: for no ring, or a cut-off or range that is not above zero.
    """
    check_range("count", count, 1, 1000)
    check_positive("cutoff", cutoff, "THz")
    check_positive("fsr", fsr, "THz")
    elements = 2.0 * np.sin((2.0 * np.arange(1, count + 1) - 1.0) * np.pi / (2.0 * count))
    turn = 2.0 * np.pi * jnp.asarray(cutoff, jnp.result_type(float)) / fsr
    inner = turn / jnp.asarray(np.sqrt(elements[1:] * elements[:-1]), turn.dtype)
    end = jnp.arcsin(jnp.sqrt(-jnp.expm1(-2.0 * turn / elements[0])))
    return jnp.concatenate([end[None], inner, end[None]])
