import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.constraints import ConstraintLayout, Constraints

RANDOM = np.random.default_rng(3)
MATRIX, VECTOR = RANDOM.normal(size=(50, 4)), RANDOM.normal(size=4)


def limits(x):
    return {"many": 3.0 * (jnp.asarray(MATRIX) @ x).reshape(10, 5), "flat": 0.0 * x[0]}


BOTH = Constraints(limits, lambda x: {"sum": 7.0 * jnp.sum(x)})


def layout():
    shapes = jax.eval_shape(lambda x: BOTH.evaluate(x, {}), jax.ShapeDtypeStruct((4,), float))
    return ConstraintLayout.of_shapes(shapes)


def test_named_arrays_become_flat_ones_and_come_back():
    place = layout()
    assert (place.size("equality"), place.size("inequality"), place.count) == (1, 51, 52)
    arrays = BOTH.evaluate(jnp.asarray(VECTOR), {})
    equal, unequal = place.flatten(arrays, jnp.float64)
    assert equal.shape == (1,) and unequal.shape == (51,)
    back = place.split("inequality", unequal)
    assert set(back) == {"many", "flat"}
    np.testing.assert_array_equal(back["many"], arrays["inequality"]["many"])
    assert ConstraintLayout({"equality": {}, "inequality": {}}).split("equality", np.zeros(0)) == {}


def test_scales_bring_slopes_to_about_one():
    place = layout()

    def function(x):
        return (2.0 * jnp.sum(x), *place.flatten(BOTH.evaluate(x, {}), jnp.float64))

    objective, equal, unequal = place.scales(function, jnp.asarray(VECTOR), {})
    np.testing.assert_allclose(objective, 1.0 / 4.0)
    np.testing.assert_allclose(equal, 1.0 / 14.0)
    # Names in the order of the alphabet; an array without a slope stays as it is.
    assert unequal[0] == 1.0 and len(set(unequal[1:])) == 1
    # Random signs estimate the root mean square of the lengths of the rows.
    slope = 3.0 * np.sqrt(np.mean(np.sum(MATRIX**2, axis=1)))
    assert 0.5 < unequal[1] * slope < 2.0
    given = place.scales(function, jnp.asarray(VECTOR), {"many": 0.2})
    np.testing.assert_allclose(given[2][1:], 5.0)


def test_limits_of_metrics():
    found = Constraints({"loss": 2.0}, {"width": 0.5}).evaluate(None, {"loss": jnp.asarray(3.0), "width": 0.4})
    assert float(found["inequality"]["loss"]) == 1.0
    assert float(found["equality"]["width"]) == pytest.approx(-0.1)


def test_bad_names_and_types():
    number = jax.ShapeDtypeStruct((), float)
    with pytest.raises(ValueError, match="'a' is the name of an equality and of an inequality"):
        ConstraintLayout.of_shapes({"equality": {"a": number}, "inequality": {"a": number}})
    with pytest.raises(ValueError, match="equality 'a' of type complex128 is not made of real"):
        ConstraintLayout.of_shapes({"equality": {"a": jax.ShapeDtypeStruct((), complex)}, "inequality": {}})
    with pytest.raises(ValueError, match="inequalities does not return a dict of named arrays, but list"):
        Constraints(lambda x: [x]).evaluate(1.0, {})
