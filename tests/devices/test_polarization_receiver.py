import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, LinearIndex, PointCoupler, RingBus, RingTransmitter, Waveguide, wavelength_grid
from photonics_core.beams import jones_vector
from photonics_core.devices.polarization_receiver import PolarizationDiverseReceiver, PolarizationSplitter
from photonics_core.devices.wdm import RingReceiver, channel_powers

INDEX = LinearIndex(2.44, 4.48, wl0=1.31, thermo_optic=2.1e-4, loss_db_cm=10.0)
LINES = wavelength_grid(1.31, 200.0, 4)
SPLITTER = PolarizationSplitter(0.5, 1.2, 0.3, -15.0)
COUPLER = PointCoupler.from_power(0.06)
BUS = RingBus([AddDropRing(5.0 + 0.008 * k, COUPLER, COUPLER, INDEX) for k in range(4)], Waveguide(50.0, INDEX))
RECEIVER = RingReceiver(BUS, LINES)


def at_state(receiver, azimuth, ellipticity):
    return eqx.tree_at(lambda each: (each.azimuth, each.ellipticity), receiver, (azimuth, ellipticity))


@eqx.filter_jit
def over_states(receiver, azimuths, ellipticities):
    return jax.vmap(lambda a, e: at_state(receiver, a, e).drop_powers())(azimuths, ellipticities)


def random_states(count):
    random = np.random.default_rng(0)
    return random.uniform(0, np.pi, count), 0.5 * np.arcsin(random.uniform(-1, 1, count))


def slow_powers(splitter, first, second, azimuth, ellipticity):
    """Fields through the splitter by its matrix, and the powers of both arms."""
    turned = 10 ** (float(splitter.crosstalk_db) / 20)
    kept = np.sqrt(1 - turned**2)
    into = np.diag(10 ** (-np.array([splitter.te_loss_db, splitter.tm_loss_db]) / 20))
    matrix = np.array([[kept, 1j * turned], [1j * turned, kept]]) @ into
    arms = np.abs(matrix @ np.asarray(jones_vector(azimuth, ellipticity))) ** 2
    return arms[0] * first + arms[1] * 10 ** (-float(splitter.arm_loss_db) / 10) * second


def test_any_state_agrees_with_its_fields():
    receiver = PolarizationDiverseReceiver(RECEIVER, SPLITTER)
    states = random_states(20)
    first, second = (np.asarray(arm) for arm in receiver.arm_powers())
    for found, *state in zip(over_states(receiver, *states), *states, strict=True):
        np.testing.assert_allclose(found, slow_powers(SPLITTER, first, second, *state), rtol=1e-10)


def test_the_range_over_all_states_is_that_of_the_forms_eigenvalues():
    """Random states stay within it and come near its ends."""
    receiver = PolarizationDiverseReceiver(RECEIVER, SPLITTER)
    least, most = receiver.power_range()
    found = over_states(receiver, *random_states(4000))
    assert np.all(found >= least[None] * (1 - 1e-12)) and np.all(found <= most[None] * (1 + 1e-12))
    np.testing.assert_allclose(np.min(found, axis=0), least, atol=2e-3 * np.max(most))
    np.testing.assert_allclose(np.max(found, axis=0), most, rtol=2e-3)
    # The same of the form itself, for one detector.
    first, second = (float(arm[1, 1]) for arm in receiver.arm_powers())
    basis = [(0.0, 0.0), (np.pi / 2, 0.0), (np.pi / 4, 0.0), (0.0, np.pi / 4)]
    te, tm, plus, right = (slow_powers(SPLITTER, first, second, *state) for state in basis)
    mean = 0.5 * (te + tm)
    form = np.array([[te, plus - mean - 1j * (right - mean)], [plus - mean + 1j * (right - mean), tm]])
    np.testing.assert_allclose([least[1, 1], most[1, 1]], np.linalg.eigvalsh(form), rtol=1e-10)


def test_equal_arms_do_not_see_the_state_whatever_the_crosstalk():
    """A lossless splitter's crosstalk only turns the states, and the loss has a gradient where it is nothing."""
    receiver = PolarizationDiverseReceiver(RECEIVER, PolarizationSplitter(crosstalk_db=-6.0), layout="separate")
    np.testing.assert_allclose(receiver.polarization_loss_db(), 0.0, atol=1e-12)
    np.testing.assert_allclose(receiver.drop_powers(), RECEIVER.drop_powers(), rtol=1e-12)

    def loss(te_loss_db):
        splitter = PolarizationSplitter(te_loss_db, 0.0, 0.0, -20.0)
        return jnp.sum(PolarizationDiverseReceiver(RECEIVER, splitter, layout="separate").polarization_loss_db())

    slope = jax.jit(jax.grad(loss))
    assert np.isfinite(slope(0.0))
    np.testing.assert_allclose(slope(0.7), 4.0, rtol=1e-9)


def test_a_loop_meets_the_last_ring_first():
    """TM light of line 4 comes to its ring before all others; so its own crosstalk is the other triangle."""
    receiver = PolarizationDiverseReceiver(RECEIVER, PolarizationSplitter(crosstalk_db=-100.0))
    te, tm = over_states(receiver, np.array([0.0, np.pi / 2]), np.zeros(2))
    np.testing.assert_allclose(te, RECEIVER.drop_powers(), atol=1e-10)
    assert tm[3, 3] > te[3, 3] and tm[0, 0] < te[0, 0]
    assert te[0, 1] > 10 * te[1, 0] and tm[1, 0] > 10 * tm[0, 1]
    assert np.all(
        receiver.heater_power()
        < 0.51 * PolarizationDiverseReceiver(RECEIVER, SPLITTER, layout="separate").heater_power()
    )


def test_delays_and_the_response_of_two_echoes():
    receiver = PolarizationDiverseReceiver(RECEIVER, SPLITTER, np.pi / 4, 0.1, 2.0)
    link = 4.48 * 50.0 / 299.792458
    np.testing.assert_allclose(receiver.arm_delays(), 2.0 + link * np.array([3, 1, -1, -3]), rtol=1e-9)
    first, second = (np.diagonal(arm) for arm in receiver.arm_powers())
    parts = [slow_powers(SPLITTER, *each, np.pi / 4, 0.1) for each in ((first, 0 * second), (0 * first, second))]
    frequency = np.array([0.0, 0.05])
    echo = np.exp(2j * np.pi * frequency[:, None] * np.asarray(receiver.arm_delays())[None])
    np.testing.assert_allclose(receiver.response(frequency), (parts[0] + parts[1] * echo) / sum(parts), rtol=1e-9)


def test_channels_go_through_it():
    """Own levels of a transmitter are those of the plain receiver by the ratio of their drops."""
    transmitter = RingTransmitter(BUS, LINES, np.full(4, 60e-6), 150e-6, 0.15)
    receiver = PolarizationDiverseReceiver(RECEIVER, SPLITTER, 0.4, -0.3)
    ratio = np.diagonal(receiver.drop_powers()) / np.diagonal(RECEIVER.drop_powers())
    found, plain = (jax.jit(lambda each=each: channel_powers(transmitter, each).own)() for each in (receiver, RECEIVER))
    np.testing.assert_allclose(found, plain * ratio[:, None], rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PolarizationSplitter(te_loss_db=-1.0), "te_loss_db = -1 dB"),
        (lambda: PolarizationSplitter(crosstalk_db=-1.0), "crosstalk_db = -1 dB"),
        (lambda: PolarizationDiverseReceiver(RECEIVER, SPLITTER, layout="ring"), "layout = 'ring'"),
        (lambda: PolarizationDiverseReceiver(RECEIVER, SPLITTER, ellipticity=1.0), "ellipticity = 1 rad"),
        (lambda: PolarizationDiverseReceiver(SPLITTER, SPLITTER), "is not of the kind RingReceiver"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
