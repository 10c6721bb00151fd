"""Every input error has one voice: the argument, its value, the range."""

import jax
import numpy as np
import pytest

from photonics_core.kernels import checks


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: checks.check_range("loss", -1.0, 0.0, np.inf, "dB/cm"),
            "loss = -1 dB/cm is outside [0, inf)",
        ),
        (lambda: checks.check_range("angle", [0.1, 4.0], 0.0, 3.0, "rad"), "angle = 4 rad is outside [0, 3]"),
        (lambda: checks.check_range("share", 1.0, 0.0, 1.0, exclusive=True), "share = 1 is outside (0, 1)"),
        (lambda: checks.check_range("share", np.nan, 0.0, 1.0), "share = nan is outside [0, 1]"),
        (lambda: checks.check_positive("wl", 0.0, "um"), "wl = 0 um is outside (0, inf)"),
        (lambda: checks.check_positive("wl", np.inf, "um"), "wl = inf um is outside (0, inf)"),
        (lambda: checks.check_finite("slope", -np.inf), "slope = -inf is outside the finite numbers"),
        (lambda: checks.check_choice("port", "o9", ("in", "drop")), "port = 'o9' is not one of 'in', 'drop'"),
        (lambda: checks.check_kind("radius", "5", float), "radius = '5' is not of the kind float"),
    ],
)
def test_errors_name_argument_value_and_range(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize("value", ["1.5", None, 1j, np.array([1.0 + 0.5j]), [None, 1.0]], ids=repr)
def test_what_is_no_real_number_is_named(value):
    with pytest.raises(ValueError, match=r"n_eff = .* is not a real number"):
        checks.check_range("n_eff", value, 0.0, 10.0)


@pytest.mark.parametrize(
    "value", [0, 1, 0.5, True, [0.0, 1.0], np.float32(0.5), np.arange(2), jax.numpy.ones(3)], ids=repr
)
def test_numbers_inside_pass(value):
    checks.check_range("share", value, 0.0, 1.0)


def test_traced_values_pass_because_their_numbers_are_not_known_yet():
    def double(x):
        assert not checks.is_concrete(x)
        checks.check_positive("x", x)
        return 2.0 * x

    assert jax.jit(double)(-1.0) == -2.0
    assert checks.is_concrete(1.0, np.ones(2), jax.numpy.ones(2))
