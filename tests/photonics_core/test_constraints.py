from typing import Any

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
        Constraints(lambda x: [x]).evaluate(1.0, {})  # pyright: ignore[reportArgumentType]


def scales_of(limits, start):
    """Scales of inequalities of an array, beside an objective with no slope to speak of at 0.5 + 1e-9."""
    place = ConstraintLayout.of_shapes(
        jax.eval_shape(lambda x: Constraints(limits).evaluate(x, {}), jax.ShapeDtypeStruct(start.shape, start.dtype))
    )

    def function(x):
        flat = place.flatten(Constraints(limits).evaluate(x, {}), start.dtype)
        return (jnp.sum((x - 0.5) ** 2), *flat)

    return place.scales(function, jnp.asarray(start), {})


def test_secants_stand_in_for_a_slope_that_is_none_at_the_start():
    """At an optimum without constraints the slope is 1e-9, and what is typical of the objective some 0.01."""
    objective, _, unequal = scales_of(lambda x: {"ball": jnp.sum((x - 0.5) ** 2) - 1.0}, np.full(3, 0.5 + 1e-9))
    assert 1.0 < objective < 1e3 and 1.0 < unequal[0] < 1e3


def test_numbers_of_one_array_in_other_units_have_scales_of_their_own():
    def limits(x):
        return {"mixed": jnp.stack([3e6 * x[0], 2.0 * (x[1] - x[2]), 1e6 * x[2], 0.0 * x[0]])}

    scales = scales_of(limits, np.asarray([0.3, 0.5, 0.0]))[2]
    assert scales[0] == scales[2] == scales[3] and 1e-7 < scales[0] < 2e-6
    assert 0.15 < scales[1] < 0.8


def test_what_explodes_nearby_keeps_its_slope():
    scales = scales_of(lambda x: {"far": jnp.exp(200.0 * x[:1])}, np.zeros(2))[2]
    np.testing.assert_allclose(scales, 1.0 / 200.0)


#: Takes what the types forbid.
WRONG: Any = Constraints


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WRONG(3.0), "inequalities = 3.0 is neither a function of the design nor a dict"),
        (lambda: WRONG(None, [1]), r"equalities = \[1\] is neither"),
        (lambda: WRONG({"a": "x"}).evaluate(1.0, {"a": 1.0}), r"inequalities\['a'\] = 'x' is not a real number"),
        (lambda: WRONG(scales=[1.0]), r"scales = \[1.0\] is not a dict"),
        (lambda: WRONG(scales={"a": np.ones(2)}), r"scales\['a'\] = .* is not a number"),
        (lambda: WRONG(lambda x: {1: x}).evaluate(1.0, {}), "dict of named arrays: 1 is no name"),
    ],
)
def test_what_is_no_constraint_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
