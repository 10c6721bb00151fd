"""A table is met at its samples, is smooth and true between them, and says nothing outside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, AllPassRing, LinearIndex, PointCoupler, SMatrix, Waveguide
from photonics_core.circuit import Circuit
from photonics_core.exchange_sparameters import SParameterError
from photonics_core.netlist import Instance, Netlist, Pin
from photonics_core.tabulated import TabulatedDevice

WL = np.linspace(1.545, 1.555, 401)
FINE = np.linspace(1.545, 1.555, 4003)


def index() -> LinearIndex:
    return LinearIndex(2.4, 4.2, 1.55)


def ring() -> AddDropRing:
    return AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.4), index())


def table(device, wl=WL, **options) -> TabulatedDevice:
    return TabulatedDevice.from_smatrix(device.scattering(wl), **options)


def test_samples_come_back_in_any_order_of_the_table():
    device = ring()
    expected = device.scattering(WL)
    shuffled = np.random.default_rng(0).permutation(WL)
    for wl in (WL, WL[::-1], shuffled):
        result = table(device, wl).scattering(WL)
        assert result.ports == expected.ports
        np.testing.assert_allclose(result.values, expected.values, atol=1e-13)


def test_error_falls_with_the_fourth_power_of_the_spacing():
    expected = ring().scattering(FINE).values
    errors = [np.max(np.abs(table(ring(), WL[::step]).scattering(FINE).values - expected)) for step in (4, 2, 1)]
    orders = np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))
    assert np.all(orders > 3.5), (errors, orders)
    assert errors[-1] < 5e-5


def test_group_delay_is_that_of_the_device():
    guide = Waveguide(300.0, index())
    result = table(guide, WL[::10]).scattering(FINE)
    delay = np.asarray(result.group_delay("in", "out"))
    np.testing.assert_allclose(delay[1:-1], np.asarray(guide.delay(FINE))[1:-1], rtol=1e-5)
    expected = ring().scattering(FINE).group_delay("in", "drop")
    np.testing.assert_allclose(table(ring()).scattering(FINE).group_delay("in", "drop"), expected, rtol=2e-3)


def test_a_known_delay_settles_what_coarse_samples_leave_open():
    guide = Waveguide(2000.0, index())
    expected = guide.scattering(FINE).values
    coarse = WL[::40]
    known = table(guide, coarse, delay=28.0).scattering(FINE).values
    unknown = table(guide, coarse).scattering(FINE).values
    assert np.max(np.abs(known - expected)) < 1e-6
    assert np.max(np.abs(unknown - expected)) > 1.0


def test_where_magnitude_and_phase_fail():
    """At critical coupling the amplitude passes through zero: a kink in the magnitude, a step in the phase."""
    device = AllPassRing(10.0, PointCoupler(0.3), index(), loss_db=-20.0 * np.log10(np.cos(0.3)))
    expected = np.asarray(device.through(FINE))
    samples = np.asarray(device.through(WL))
    magnitude = np.interp(FINE, WL, np.abs(samples))
    custom = magnitude * np.exp(1j * np.interp(FINE, WL, np.unwrap(np.angle(samples))))
    ours = np.asarray(table(device).scattering(FINE).amplitude("in", "through"))
    assert np.max(np.abs(custom - expected)) > 100.0 * np.max(np.abs(ours - expected))


def test_reciprocity_and_silent_pairs_are_kept():
    result = table(ring()).scattering(FINE)
    assert float(result.reciprocity_residual()) == 0.0
    assert float(jnp.max(jnp.abs(result.amplitude("in", "in")))) == 0.0


def test_uneven_samples():
    rng = np.random.default_rng(1)
    uneven = np.sort(np.concatenate([rng.uniform(WL[0], WL[-1], 600), WL[[0, -1]]]))
    guide = Waveguide(500.0, index())
    result = table(guide, uneven).scattering(FINE).values
    np.testing.assert_allclose(result, guide.scattering(FINE).values, atol=1e-6)


def test_jit_vmap_and_gradient(assert_gradient):
    device = table(ring())
    power = jax.jit(lambda device, wl: device.scattering(wl).power("in", "drop"))
    np.testing.assert_allclose(power(device, FINE), device.scattering(FINE).power("in", "drop"), atol=1e-13)
    np.testing.assert_allclose(
        jax.vmap(power, (None, 0))(device, jnp.asarray(FINE[:5])), power(device, FINE[:5]), atol=1e-13
    )
    # The steps of the differences stay within one interval of the spline.
    assert_gradient(lambda x: power(device, 1.55 + 1e-4 * x), jnp.asarray(1.125))
    assert device.scattering(1.55).values.shape == (4, 4)


def test_a_ring_made_of_tables_is_the_ring():
    coupler, guide = PointCoupler(0.3, angle_slope=2.0), Waveguide(10.0 * np.pi, index())
    a, b, left, right = "a", "b", "left", "right"
    parts = {a: Instance("coupler"), b: Instance("coupler"), left: Instance("guide"), right: Instance("guide")}
    joined = [(a, "cross", right, "in"), (right, "out", b, "add"), (b, "cross", left, "in"), (left, "out", a, "add")]
    ports = {"in": Pin(a, "in"), "through": Pin(a, "through"), "add": Pin(b, "in"), "drop": Pin(b, "through")}
    netlist = Netlist(parts, tuple((Pin(w, x), Pin(y, z)) for w, x, y, z in joined), ports)
    circuit = Circuit(netlist, {"coupler": table(coupler, WL[::20]), "guide": table(guide, WL[::20])})
    expected = AddDropRing(10.0, coupler, coupler, index()).scattering(FINE)
    result = circuit.scattering(FINE)
    for target in ("through", "drop"):
        np.testing.assert_allclose(result.amplitude("in", target), expected.amplitude("in", target), atol=1e-6)


def test_float32(float32):
    device = table(ring())
    result = device.scattering(FINE)
    assert result.values.dtype == np.complex64
    np.testing.assert_allclose(result.values, ring().scattering(FINE).values, atol=1e-4)


def test_there_is_no_extrapolation():
    device = table(ring())
    for wl in (1.5449, 1.5551, np.nan, np.array([1.55, 1.56])):
        with pytest.raises(SParameterError, match=r"wl = .* outside the table.*\[1.545, 1.555\] um"):
            device.scattering(wl)
    with pytest.raises(Exception, match="outside the table"):
        jax.block_until_ready(jax.jit(lambda wl: device.scattering(wl).values)(1.6))


@pytest.mark.parametrize(
    ("wl", "match"),
    [
        (np.array([1.5]), "two or more"),
        (np.array([1.5, 1.5]), "twice"),
        (np.array([1.5, np.nan]), "not finite"),
    ],
)
def test_tables_that_are_none(wl, match):
    values = jnp.zeros((wl.size, 2, 2), complex)
    with pytest.raises(SParameterError, match=match):
        TabulatedDevice.from_smatrix(SMatrix(values, ("a", "b"), wl))


def test_arguments_of_another_kind():
    with pytest.raises(ValueError, match="wl = 'x' is not a real number"):
        table(ring()).scattering("x")
    with pytest.raises(SParameterError, match="smatrix, of the kind int, is no SMatrix"):
        TabulatedDevice.from_smatrix(3)  # pyright: ignore[reportArgumentType]


def test_wavelengths_in_a_list():
    device = table(ring())
    wl = [1.55, 1.551]
    np.testing.assert_array_equal(device.scattering(wl).values, device.scattering(np.array(wl)).values)
