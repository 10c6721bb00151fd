"""Many rings along one bus: laws, order, crosstalk and its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core import AddDropRing, LinearIndex, PointCoupler, RingBus, Waveguide, stack

WL = np.linspace(1.545, 1.555, 101)
INDEX = LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, 2e-7, loss_db_cm=10.0)


def rings(count, index=INDEX):
    """Rings whose resonances step along by about a nanometre."""
    return [AddDropRing(10.0 + 0.006 * n, PointCoupler(0.3), PointCoupler(0.25), index) for n in range(count)]


def bus(count, index=INDEX):
    return RingBus(rings(count, index), Waveguide(100.0, index))


def test_with_loss_it_is_passive():
    assert bus(4).scattering(WL).passivity_residual() <= 1e-12


def test_through_and_drops_are_those_of_the_matrix():
    device = bus(3)
    s = device.scattering(WL, np.array([300.0, 310.0, 305.0]))
    drops = device.drops(WL, np.array([300.0, 310.0, 305.0]))
    assert_allclose(
        device.through(WL, np.array([300.0, 310.0, 305.0])), s.amplitude("in", "through"), rtol=0, atol=1e-13
    )
    for n in range(3):
        assert_allclose(drops[n], s.amplitude("in", f"drop{n + 1}"), rtol=0, atol=1e-13)


def test_light_walks_the_bus_in_order():
    one, two = rings(2)
    link = Waveguide(100.0, INDEX).transmission(WL)
    a, b = one.amplitudes(WL), two.amplitudes(WL)
    s = bus(2).scattering(WL)
    expected = {
        ("in", "through"): a.through * link * b.through,
        ("in", "drop1"): a.drop,
        ("in", "drop2"): a.through * link * b.drop,
        ("add1", "drop1"): a.add_drop,
        ("add1", "drop2"): a.drop * link * b.drop,
        ("add1", "through"): a.drop * link * b.through,
        ("add2", "through"): b.drop,
        ("add2", "drop2"): b.add_drop,
        ("add2", "drop1"): jnp.zeros_like(link),
    }
    for (source, target), amplitude in expected.items():
        assert_allclose(s.amplitude(source, target), amplitude, rtol=0, atol=1e-13)


def test_a_bus_of_one_ring_is_that_ring():
    single = rings(1)[0].amplitudes(WL)
    assert_allclose(bus(1).through(WL), single.through, rtol=0, atol=1e-12)
    assert_allclose(bus(1).drops(WL)[0], single.drop, rtol=0, atol=1e-12)


def test_extra_path_moves_the_ring_it_is_added_to():
    device, wl = bus(2), 1.55
    path = rings(2)[1].path_to(wl)
    moved = device.ring_amplitudes(wl, 300.0, jnp.stack([0.0, path])).drop
    still = device.ring_amplitudes(wl).drop
    assert_allclose(moved[0], still[0], rtol=0, atol=0)
    assert_allclose(-10 * jnp.log10(jnp.abs(moved[1]) ** 2), rings(2)[1].drop_loss_db(wl), rtol=1e-9)


def test_derivatives_of_crosstalk_with_respect_to_every_leaf(assert_gradient):
    wl = float(rings(2)[0].resonance(1.55))

    def crosstalk(device):
        """Power of channel 1 in the drop of its neighbour."""
        return jnp.abs(device.drops(wl, 302.0)[1]) ** 2

    assert_gradient(crosstalk, bus(2))


@pytest.mark.parametrize("angle", [0.0, np.pi / 2])
@pytest.mark.parametrize("loss_db_cm", [0.0, 3.0])
def test_derivatives_of_crosstalk_are_finite_where_rings_are_alike_and_on_resonance(angle, loss_db_cm):
    index = LinearIndex(2.4, 4.18, 1.55, loss_db_cm=loss_db_cm)
    ring = AddDropRing(100 * 1.55 / 2.4 / (2 * np.pi), PointCoupler(angle), PointCoupler(angle), index)
    slopes = jax.grad(lambda device: jnp.abs(device.drops(1.55)[1]) ** 2 + jnp.abs(device.through(1.55)) ** 2)(
        RingBus([ring, ring], Waveguide(0.0, index))
    )
    assert all(np.all(np.isfinite(slope)) for slope in jax.tree.leaves(slopes))


def test_compiled_with_the_bus_as_argument_gives_the_same():
    drops = jax.jit(lambda device: device.drops(WL))(bus(3))
    assert_allclose(drops, bus(3).drops(WL), rtol=0, atol=1e-11)
    assert_allclose(RingBus(stack(rings(3)), Waveguide(100.0, INDEX)).drops(WL), bus(3).drops(WL), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RingBus([], Waveguide(1.0, INDEX)), "rings is empty"),
        (lambda: RingBus(rings(1)[0], Waveguide(1.0, INDEX)), "AddDropRing is not a batch"),
        (
            lambda: bus(2).scattering(1.55).power("in", "drop3"),
            "port = 'drop3' is not one of 'in', 'through', ",
        ),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError) as error:
        build()
    assert str(error.value).startswith(message)
