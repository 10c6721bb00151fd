"""Programs that are used again: only where they are the same, and then without compiling."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import programs
from photonics_core.constraints import Constraints
from photonics_core.optimize import minimize
from photonics_core.programs import forget_programs, reused


@pytest.fixture(autouse=True)
def none_kept():
    forget_programs()
    yield
    forget_programs()


def scaled_by(factor):
    return lambda x: factor * x


def test_the_same_content_is_the_same_program():
    x = jnp.ones(3)
    first, again = reused(scaled_by(2.0), x), reused(scaled_by(2.0), x)
    assert again is first
    np.testing.assert_array_equal(again(x), [2.0, 2.0, 2.0])


def test_what_a_function_captures_counts_by_its_present_value():
    """Large arrays and globals too: an identity of the function alone would return what they were."""
    x, table = jnp.ones(5000), {"factor": np.full(5000, 2.0)}

    def times(x):
        return x * table["factor"]

    first = reused(times, x)
    table["factor"] = np.concatenate([np.full(4999, 2.0), [3.0]])
    second = reused(times, x)
    assert second is not first
    assert float(first(x)[-1]) == 2.0 and float(second(x)[-1]) == 3.0


def test_shapes_types_and_names_make_other_programs():
    first = reused(scaled_by(2.0), jnp.ones(3))
    assert reused(scaled_by(2.0), jnp.ones(4)) is not first
    assert reused(scaled_by(2.0), jnp.ones(3, jnp.float32)) is not first
    one, other = (reused(lambda d: jax.tree.map(scaled_by(2.0), d), {name: jnp.ones(3)}) for name in ("a", "b"))
    assert one is not other
    assert other({"b": jnp.ones(3)}).keys() == {"b"}


def test_an_argument_that_is_not_used_is_still_an_argument():
    program = reused(lambda x, y: x, jnp.ones(3), jnp.ones(2))
    np.testing.assert_array_equal(program(jnp.ones(3), jnp.ones(2)), np.ones(3))
    assert program is reused(lambda x, y: x, jnp.ones(3), jnp.ones(2))


def test_steps_on_the_host_belong_to_their_function():
    def checked(message):
        return lambda x: eqx.error_if(x, x > 5.0, message)

    one, other, x = checked("one"), checked("other"), jnp.ones(())
    first = reused(one, x, owners=(one,))
    assert reused(one, x, owners=(one,)) is first
    second = reused(other, x, owners=(other,))
    assert second is not first
    with pytest.raises(Exception, match="other"):
        jax.block_until_ready(second(jnp.asarray(6.0)))


def test_inside_a_trace_nothing_is_kept():
    def outer(y):
        return reused(lambda x: x * y, jnp.ones(3))(jnp.ones(3))

    np.testing.assert_array_equal(jax.jit(outer)(2.0), [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(jax.jacfwd(outer)(2.0), [1.0, 1.0, 1.0])
    assert not programs._programs


def test_only_so_many_are_kept():
    for number in range(programs.MOST + 3):
        reused(scaled_by(float(number)), jnp.ones(2))
    assert len(programs._programs) == programs.MOST


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_second_run_compiles_nothing_and_has_the_same_bits(optimizer):
    limits = Constraints(lambda d: {"sum": d["x"] + d["y"] - 1.0})

    def solve(start, least=0.0):
        return minimize(
            lambda d: ((d["x"] - 0.9) ** 2 + (d["y"] - 0.7) ** 2 + least, {}),
            start,
            {"x": 0.0, "y": 0.0},
            {"x": 1.0, "y": 1.0},
            constraints=limits,
            optimizer=optimizer,
            steps=20,
            progress=False,
        )

    first = solve({"x": 0.2, "y": 0.1})
    kept = list(programs._programs)
    again = solve({"x": 0.2, "y": 0.1})
    assert {k: v.tobytes() for k, v in again.history.items()} == {k: v.tobytes() for k, v in first.history.items()}
    solve({"x": 0.3, "y": 0.4})
    assert sorted(map(str, programs._programs)) == sorted(map(str, kept))
    # A constant that has changed is another program, and another result.
    assert solve({"x": 0.2, "y": 0.1}, least=1.0).value == pytest.approx(first.value + 1.0)
    assert len(programs._programs) > len(kept)
