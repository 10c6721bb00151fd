"""Limits: what passes per device, die and wafer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Limit, Spec, good_wafers

METRICS = {"loss": np.array([[1.0, 2.0], [3.0, 1.0], [1.0, np.nan]]), "power": np.array([10.0, 20.0, 5.0])}


def test_what_passes_by_hand():
    verdict = Spec([Limit("loss", upper=2.0), Limit("power", lower=6.0, upper=20.0)]).judge(METRICS)
    np.testing.assert_array_equal(verdict.devices, [[True, True], [False, True], [True, False]])
    np.testing.assert_array_equal(verdict.limits["loss"], [True, False, False])
    np.testing.assert_array_equal(verdict.limits["power"], [True, True, False])
    np.testing.assert_array_equal(verdict.dies, [True, False, False])
    assert Spec([Limit("power", lower=6.0)]).judge(METRICS).devices is None


def test_several_limits_on_one_metric_have_names():
    spec = Spec({"soft": Limit("power", upper=15.0), "hard": Limit("power", upper=25.0)})
    np.testing.assert_array_equal(spec.judge(METRICS).limits["soft"], [True, False, True])
    assert spec.names == ("soft", "hard")


def test_a_verdict_within_a_compiled_function():
    spec = Spec([Limit("power", lower=6.0)])
    np.testing.assert_array_equal(
        jax.jit(lambda power: spec.judge({"power": power}).dies)(jnp.asarray(METRICS["power"])), [True, True, False]
    )


def test_wafers_are_good_by_their_share_of_good_dies():
    assert good_wafers([1, 1, 0, 0, 0, 1], [4, 4, 4, 7, 7, 7], 0.5) == {4: True, 7: False}
    assert good_wafers([1, 0], ["W03", "W07"]) == {"W03": True, "W07": False}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limit("a"), "neither a lower nor an upper"),
        (lambda: Limit("a", 2.0, 1.0), "cross"),
        (lambda: Limit("a", float("nan"), 1.0), "not numbers"),
        (lambda: Spec([]), "nothing to keep"),
        (lambda: Spec([Limit("a", 1.0), Limit("a", upper=2.0)]), "a name twice"),
        (lambda: Spec([3.0]), "not of the kind Limit"),  # pyright: ignore[reportArgumentType]
        (lambda: Spec([Limit("gain", 1.0)]).judge(METRICS), "metric 'gain' is not one of 'loss', 'power'"),
        (lambda: Spec([Limit("a", 1.0)]).judge({"a": 3.0}), r"metric 'a' of shape \(\)"),
        (lambda: Spec([Limit("a", 1.0), Limit("b", 1.0)]).judge({"a": np.ones(2), "b": np.ones(3)}), "same dies"),
        (lambda: Spec([Limit("a", 1.0)]).judge({"a": np.ones((2, 0))}), "of no device"),
        (lambda: Spec([Limit("a", 1.0)]).judge({"a": np.array([1j, 2.0])}), "not of real numbers"),
        (lambda: good_wafers([np.nan, 1], [1, 1]), "not true or false"),
        (lambda: good_wafers([1, 0], [1, np.nan]), "wafer = nan"),
        (lambda: good_wafers([1, 0], [1]), r"not \[D\] both"),
        (lambda: good_wafers([1, 0], [1, 2], 1.5), "least = 1.5"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
