"""Y-branch and crossing: energy, reciprocity, and what symmetry forces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import Circuit, Crossing, YBranch, netlist_from_dict

WL = jnp.linspace(1.5, 1.6, 3)


def test_a_branch_divides_and_its_odd_field_is_lost():
    matrix = YBranch().scattering(WL)
    np.testing.assert_allclose(matrix.power("in", "upper"), 0.5, rtol=1e-14)
    # One arm alone is half even, half odd, and the odd half has nowhere to go.
    np.testing.assert_allclose(matrix.power("upper", "in"), 0.5, rtol=1e-14)
    assert np.max(np.linalg.svd(np.asarray(matrix.values), compute_uv=False)) <= 1.0 + 1e-14


def test_imbalance_and_loss_are_those_asked_for():
    matrix = YBranch(loss_db=0.3, imbalance_db=0.5).scattering(WL)
    upper, lower = matrix.power("in", "upper"), matrix.power("in", "lower")
    np.testing.assert_allclose(10 * np.log10(upper / lower), 0.5, atol=1e-13)
    np.testing.assert_allclose(10 * np.log10(upper + lower), -0.3, atol=1e-13)


@pytest.mark.parametrize("crosstalk", [-6.03, -20.0, -60.0])
def test_a_crossing_without_loss_is_unitary_and_reflects(crosstalk):
    matrix = Crossing(crosstalk_db=crosstalk).scattering(WL)
    values = np.asarray(matrix.values)
    product = values @ np.conj(np.swapaxes(values, -1, -2))
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(4), product.shape), atol=1e-14)
    np.testing.assert_allclose(matrix.power_db("west", "north"), crosstalk, atol=1e-12)
    side = 10.0 ** (crosstalk / 10.0)
    np.testing.assert_allclose(matrix.power("west", "west"), (0.5 - 0.5 * np.sqrt(1 - 4 * side)) ** 2, atol=1e-16)


def test_gradients_are_finite_and_those_of_differences():
    def straight_on(numbers):
        crossing, branch = Crossing(*numbers), YBranch(*numbers[:1], 0.0)
        return crossing.scattering(1.55).power("west", "east") + branch.scattering(1.55).power("in", "upper")

    at, step = jnp.array([0.2, -20.0]), 1e-5
    exact = jax.grad(straight_on)(at)
    for k, one in enumerate(np.eye(2)):
        difference = (straight_on(at + step * one) - straight_on(at - step * one)) / (2 * step)
        np.testing.assert_allclose(exact[k], difference, rtol=1e-6, atol=1e-12)
    assert np.all(np.isfinite(jax.grad(lambda db: YBranch(imbalance_db=db).scattering(1.55).power("in", "upper"))(0.0)))


def test_both_serve_in_a_circuit():
    netlist = {
        "instances": {"split": "branch", "join": "branch"},
        "connections": {"split,upper": "join,upper", "split,lower": "join,lower"},
        "ports": {"in": "split,in", "out": "join,in"},
    }
    circuit = Circuit(netlist_from_dict(netlist), {"branch": YBranch(loss_db=0.1)})
    np.testing.assert_allclose(circuit(wl=WL).power_db("in", "out"), -0.2, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: YBranch(loss_db=-1.0), r"loss_db = -1 dB is outside \[0, inf\)"),
        (lambda: Crossing(crosstalk_db=-3.0), r"crosstalk_db = -3 dB is outside \[-200, -6.03\]"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
