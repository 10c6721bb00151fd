import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.effective_index_method import effective_index
from photonics_core.films import FilmStack
from photonics_core.materials import SILICA

WIRE = FilmStack([1.444, 3.476, 1.444], [0.22])
SLAB = FilmStack([1.444, 3.476, 1.444], [0.15])


@pytest.mark.slow
@pytest.mark.parametrize("polarization", ["s", "p"])
def test_between_the_slabs_and_near_the_middles_for_a_wide_guide(polarization):
    middle, side = (float(stack.guided_mode(0, 1.55, polarization)) for stack in (WIRE, SLAB))
    indices = [float(effective_index(WIRE, SLAB, width, 1.55, polarization)) for width in (0.1, 0.5, 2.0, 50.0)]
    assert side < indices[0]
    assert np.all(np.diff(indices) > 0)
    assert middle - 1e-4 < indices[-1] < middle


def test_the_second_slab_has_the_other_polarisation():
    for polarization, other in (("s", "p"), ("p", "s")):
        n = float(WIRE.guided_mode(0, 1.55, polarization))
        expected = FilmStack([1.444, n, 1.444], [0.5]).guided_modes(1.55, other)
        for order in range(len(expected)):
            mine = effective_index(WIRE, 1.444, 0.5, 1.55, polarization, order)
            np.testing.assert_allclose(mine, expected[order], rtol=1e-14)


def test_a_wire_is_off_by_what_the_docstring_says():
    # Full-vector mode solvers give 2.443 to 2.446 for 500 nm x 220 nm in oxide.
    assert 0.04 < effective_index(WIRE, 1.444, 0.5, 1.55, "s") - 2.445 < 0.05


def test_sides_may_be_a_number_a_material_or_a_function():
    expected = effective_index(WIRE, float(SILICA.index(1.55)), 0.5, 1.55, "s")
    for side in (SILICA, lambda wl: SILICA.index(wl)):
        np.testing.assert_allclose(effective_index(WIRE, side, 0.5, 1.55, "s"), expected, rtol=1e-14)


@pytest.mark.slow
def test_gradients(assert_gradient):
    def index(x):
        return effective_index(FilmStack([1.444, x[0], 1.444], x[1][None]), 1.444, x[2], 1.55, "s")

    assert_gradient(index, np.array([3.476, 0.22, 0.5]))


@pytest.mark.slow
def test_slope_over_the_width():
    def index(width):
        return effective_index(WIRE, 1.444, width, 1.55, "s")

    slope = jax.jit(jax.grad(index))(jnp.asarray(0.5))
    np.testing.assert_allclose(slope, (index(0.5001) - index(0.4999)) / 2e-4, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((WIRE, SLAB, -0.5, 1.55, "s"), r"width = -0.5 um is outside \(0, inf\)"),
        ((WIRE, SLAB, 0.5, 0.0, "s"), "wl = 0 um"),
        ((WIRE, SLAB, 0.5, 1.55, "TE"), "polarization = 'TE' is not one of"),
        ((WIRE, SLAB, 0.5, 1.55, "s", -1), r"order = -1 is outside \[0, inf\)"),
        ((WIRE, SLAB, 0.5, 1.55, "s", 3), "order = 3 is not guided"),
        ((SLAB, WIRE, 0.5, 1.55, "s"), "order = 0 is not guided: the stack has 0 modes"),
        ((WIRE, FilmStack([1.0, 1.2, 1.3], [0.1]), 0.5, 1.55, "s"), "order = 0 is not guided"),
        ((WIRE, 1.4 + 0.1j, 0.5, 1.55, "s"), "imaginary part"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        effective_index(*arguments)


def test_single_precision(float32):
    mine = effective_index(WIRE, 1.444, 0.5, 1.55, "s")
    assert mine.dtype == jnp.float32
    np.testing.assert_allclose(mine, 2.4914332305, rtol=1e-6)  # in float64
