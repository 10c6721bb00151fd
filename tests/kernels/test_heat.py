"""Heat in layers, mode by mode: slabs in series, swaps, a mirrored stack, heat that leaves, slabs that overlap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.heat import LayerStack, Slab, boundary_flux, over_exponential, slab_transfer

KAPPA = np.array([0.0, 1e-6, 1e-3, 0.05, 1.0, 2.5])


def stack(bottom=(1.0, 0.0), top=(2e-5, 1.0)):
    columns = (
        [700.0, 2.0, 0.22, 3.0, 20.0],
        [0.148, 1.38e-3, 0.06, 1.38e-3, 1e-3],
        [0.148, 1.38e-3, 0.09, 1.38e-3, 2e-3],
        [1665.0, 1620.0, 1665.0, 1620.0, 1700.0],
        [40.0, 0.1, 0.0, 0.0, 3.0],
    )
    pairs = (tuple(jnp.asarray(e) for e in pair) for pair in (bottom, top))
    return LayerStack(*(jnp.asarray(column) for column in columns), *pairs)


def slab(layer, low, high):
    return Slab(layer, jnp.asarray(low), jnp.asarray(high))


def transfer(layers, source, probe, kappa=KAPPA, rate=0.0):
    square = jnp.asarray(kappa) ** 2
    return COMPILED[source.layer, probe.layer](layers, square, jnp.asarray(rate, square.dtype), source[1:], probe[1:])


def compiled(one, two):
    return jax.jit(lambda s, k, rate, a, b: slab_transfer(s, k, rate, Slab(one, *a), Slab(two, *b)))


COMPILED = {(one, two): compiled(one, two) for one in range(6) for two in range(6)}


HEATER, CORE = slab(3, 1.0, 1.2), slab(2, 0.0, 0.22)
PAIRS = [(HEATER, CORE), (HEATER, HEATER), (HEATER, slab(3, 1.1, 2.5)), (slab(0, 1.0, 4.0), slab(4, 3.0, 20.0))]


def upside_down(layers):
    contact = jnp.concatenate([jnp.zeros(1), layers.contact[:0:-1]])
    return LayerStack(*(part[::-1] for part in layers[:4]), contact, layers.top, layers.bottom)


@pytest.mark.parametrize(("source", "probe"), PAIRS)
def test_swapped_and_mirrored_stacks_give_the_same(source, probe):
    # The contact at the very bottom is that of a boundary: here convection of the same resistance in series.
    layers = stack(bottom=(1e-2, 1.0))._replace(contact=jnp.asarray([0.0, 0.1, 0.0, 0.0, 3.0]))
    value = transfer(layers, source, probe)
    np.testing.assert_allclose(transfer(layers, probe, source), value, rtol=1e-13)

    def turned(one):
        whole = layers.thickness[one.layer]
        return Slab(4 - one.layer, whole - one.high, whole - one.low)

    np.testing.assert_allclose(transfer(upside_down(layers), turned(source), turned(probe)), value, rtol=1e-12)
    assert np.all(np.isfinite(value)) and np.all(value >= 0.0) and np.all(np.diff(value) <= 0.0)


def test_heat_that_is_the_same_everywhere_sees_resistances_in_series():
    layers = stack(top=(0.0, 1.0))
    parts = np.asarray(layers.thickness / layers.through)
    below = 40.0 + parts[0] + 0.1 + parts[1] + parts[2]
    # All heat goes down: over the layers below, and half of the core's own.
    np.testing.assert_allclose(transfer(layers, HEATER, CORE)[0], below - 0.5 * parts[2], rtol=1e-13)
    own = below + 1.0 / 1.38e-3 + 0.2 / (3.0 * 1.38e-3)
    np.testing.assert_allclose(transfer(layers, HEATER, HEATER)[0], own, rtol=1e-13)


@pytest.mark.slow
def test_all_heat_leaves_at_the_boundaries():
    for source in (HEATER, CORE, slab(0, 0.0, 700.0), slab(4, 19.0, 20.0)):
        for layers in (stack(), stack(bottom=(3e-5, 1.0)), stack(top=(1.0, 0.0))):
            bottom, top = boundary_flux(layers, jnp.zeros(1), jnp.zeros(()), source)
            assert bottom[0] > 0 and top[0] > 0
            np.testing.assert_allclose(bottom + top, 1.0, rtol=1e-13)
    bottom, top = boundary_flux(stack(top=(0.0, 1.0)), jnp.zeros(1), jnp.zeros(()), HEATER)
    np.testing.assert_allclose([bottom[0], top[0]], [1.0, 0.0], atol=1e-13)


def test_slabs_that_overlap_are_sums_of_their_parts():
    source, probe = (0.5, 2.0), (1.2, 2.7)

    def mean(one, two):
        return transfer(stack(), slab(3, *one), slab(3, *two))

    parts = [((0.5, 1.2), 0.7), ((1.2, 2.0), 0.8)], [((1.2, 2.0), 0.8), ((2.0, 2.7), 0.7)]
    total = sum(a * b * mean(one, two) for one, a in parts[0] for two, b in parts[1])
    np.testing.assert_allclose(mean(source, probe), total / (1.5 * 1.5), rtol=1e-12)


def test_cutting_a_layer_changes_nothing():
    layers = stack()
    cut = LayerStack(
        *(jnp.insert(part, 4, value) for part, value in zip(layers[:4], (1.3, 1.38e-3, 1.38e-3, 1620.0), strict=True)),
        jnp.insert(layers.contact, 4, 0.0),
        layers.bottom,
        layers.top,
    )
    cut = cut._replace(thickness=cut.thickness.at[3].add(-1.3))
    for rate in (0.0, 1e-6):
        mine = transfer(layers, slab(3, 2.0, 2.5), CORE, rate=rate)
        np.testing.assert_allclose(transfer(cut, slab(4, 0.3, 0.8), CORE, rate=rate), mine, rtol=1e-12)


@pytest.mark.parametrize(("source", "probe"), [PAIRS[0], pytest.param(*PAIRS[2], marks=pytest.mark.slow)])
def test_derivatives_are_those_of_differences(source, probe, assert_gradient):
    layers = stack(bottom=(1e-2, 1.0))

    def value(tree):
        faces, columns, lows = tree
        changed = LayerStack(*columns, (faces[0], jnp.ones(())), (faces[1], jnp.ones(())))
        one, two = (Slab(e.layer, at[0], at[1]) for e, at in zip((source, probe), lows, strict=True))
        return jnp.log(transfer(changed, one, two, np.array([0.0, 0.05])))

    heights = [jnp.stack([one.low, one.high]) for one in (source, probe)]
    assert_gradient(value, ((layers.bottom[0], layers.top[0]), layers[:5], heights), rtol=1e-6)


@pytest.mark.slow
def test_complex_modes_and_float32():
    square = jnp.asarray([1e-4j, 1.0j, 1e-4])
    layers = stack(top=(1e-5, 1.0))._replace(
        in_plane=jnp.asarray([0.148, 1.38e-3, 0.06, 1.38e-3, 2e-3]),
        through=jnp.asarray([0.148, 1.38e-3, 0.09, 1.38e-3, 1e-3]),
        capacity=jnp.asarray([1665.0, 1600.0, 1665.0, 1600.0, 2000.0]),
        contact=jnp.asarray([0.0, 0.1, 0.0, 0.0, 3.0]),
    )
    # From a program of 900 digits that solves for all constants of all layers.
    for source, exact in (
        (HEATER, 169.43099371422585 - 115.75651703017164j),
        (CORE, 0.23604107734307955 - 43.15023117682962j),
    ):
        value = transfer(layers, source if source is HEATER else HEATER, source, jnp.sqrt(square), 1e-6 + 2e-6j)
        np.testing.assert_allclose(value[2], exact, rtol=1e-12)
    np.testing.assert_allclose(
        transfer(layers, HEATER, CORE, jnp.sqrt(square))[1], -18.41621793190835 - 24.140784432962036j, rtol=1e-12
    )
    single = jax.tree.map(lambda e: jnp.asarray(e, jnp.float32) if isinstance(e, jax.Array) else e, stack())
    rough = slab_transfer(single, jnp.asarray(KAPPA, jnp.float32) ** 2, jnp.zeros((), jnp.float32), HEATER, HEATER)
    np.testing.assert_allclose(rough, transfer(stack(), HEATER, HEATER), rtol=3e-6)


def test_over_exponential_and_its_slope():
    x = jnp.asarray([0.0, 1e-9, 0.0999, 0.1001, 3.0, 800.0])
    exact = np.array([1.0, *(-np.expm1(-x[1:]) / x[1:])])
    np.testing.assert_allclose(over_exponential(x), exact, rtol=1e-14)
    slopes = jax.vmap(jax.grad(over_exponential))(x)
    np.testing.assert_allclose(slopes[:2], -0.5, rtol=1e-8)
    np.testing.assert_allclose(slopes[2], slopes[3], rtol=1e-3)
