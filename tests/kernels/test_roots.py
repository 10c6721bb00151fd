import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.roots import bracketed_root


def cubic(x, p):
    return x**3 - p["c"] * x - p["d"]


def test_it_is_the_root_from_either_side():
    for low, high in ((0.0, 3.0), (3.0, 0.0), (2.0 ** (1 / 3), 5.0)):
        root = bracketed_root(cubic, low, high, {"c": 0.0, "d": 2.0})
        assert float(root) == pytest.approx(2.0 ** (1 / 3), rel=1e-14)


def test_sharp_bends_take_more_steps():
    def steep(x, p):
        return jnp.tanh(50.0 * (x - p))

    assert float(bracketed_root(steep, 0.0, 1.0, 0.3, steps=60)) == pytest.approx(0.3, abs=1e-12)


def test_derivatives_are_those_of_the_root(assert_gradient):
    assert_gradient(lambda p: bracketed_root(cubic, 0.5, 4.0, p), {"c": 0.7, "d": 2.0}, rtol=1e-8)
    # The bounds have none.
    slope = jax.grad(lambda low: bracketed_root(cubic, low, 3.0, {"c": 0.0, "d": 2.0}))(0.0)
    assert float(slope) == 0.0


def test_it_may_be_mapped_and_compiled():
    d = jnp.array([1.0, 8.0, 27.0])
    roots = jax.jit(jax.vmap(lambda d: bracketed_root(cubic, 0.0, 10.0, {"c": 0.0, "d": d}, steps=40)))(d)
    np.testing.assert_allclose(roots, [1.0, 2.0, 3.0], rtol=1e-12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"no root for width within \[2, 3\].*6 and 25"):
        bracketed_root(cubic, 2.0, 3.0, {"c": 0.0, "d": 2.0}, name="width")
    with pytest.raises(ValueError, match="upper bound of x = inf is outside"):
        bracketed_root(cubic, 2.0, np.inf, {"c": 0.0, "d": 2.0})
    with pytest.raises(Exception, match="one sign at both"):
        jax.jit(lambda d: bracketed_root(cubic, 2.0, 3.0, {"c": 0.0, "d": d}))(2.0).block_until_ready()
