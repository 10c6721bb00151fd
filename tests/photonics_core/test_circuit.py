import math
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.circuit import Circuit
from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.waveguide import Waveguide
from photonics_core.index import LinearIndex
from photonics_core.netlist import Instance, Netlist, NetlistError, NetlistHierarchy, Pin
from photonics_core.scattering import SMatrix
from photonics_core.validation.networks import (
    LAYOUT_MODELS,
    dense,
    netlist,
    random_network,
    reciprocal,
    ring_bus,
    straight,
)

WL = np.linspace(1.54, 1.56, 5)
ONE_RING = ring_bus(1)


def chain(*components, port=("o1", "o2")):
    """Two-ports one after another, from in to out."""
    instances = {f"x{k}": component for k, component in enumerate(components)}
    joined = [(f"x{k},{port[1]}", f"x{k + 1},{port[0]}") for k in range(len(components) - 1)]
    return netlist(instances, joined, {"in": f"x0,{port[0]}", "out": f"x{len(components) - 1},{port[1]}"})


def guides(*lengths):
    return chain(*(Instance("straight", {"length": length}) for length in lengths))


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_equal_dense_algebra(seed):
    wires, models = random_network(seed)
    wl = np.array([1.5, 1.55, 1.6])
    np.testing.assert_allclose(Circuit(wires, models).scattering(wl).values, dense(wires, models), atol=1e-12)


def test_order_of_instances_changes_nothing():
    shuffled = Netlist(
        dict(reversed(ONE_RING.instances.items())),
        tuple((b, a) for a, b in reversed(ONE_RING.connections)),
        ONE_RING.ports,
    )
    one, other = (Circuit(wires, LAYOUT_MODELS).scattering(WL) for wires in (ONE_RING, shuffled))
    np.testing.assert_allclose(one.values, other.values, atol=1e-15)


def test_index_order_is_out_in():
    isolator = {("o1", "o2"): 0.5}
    circuit = Circuit(chain(Instance("isolator"), Instance("isolator")), {"isolator": lambda: isolator})
    np.testing.assert_array_equal(circuit.scattering(1.55).values, [[0.0, 0.0], [0.25, 0.0]])


def test_wavelengths_of_any_shape():
    circuit = Circuit(guides(3.0, 4.0), LAYOUT_MODELS)
    flat = circuit.scattering(WL[:4]).values
    np.testing.assert_array_equal(circuit.scattering(WL[:4].reshape(2, 2)).values, flat.reshape(2, 2, 2, 2))
    np.testing.assert_allclose(circuit.scattering(WL[0]).values, flat[0], atol=1e-15)


def test_some_columns_and_rows():
    circuit = Circuit(ONE_RING, LAYOUT_MODELS)
    whole = circuit.scattering(WL)
    part = circuit.amplitudes(WL, inputs=["add1", "in"], outputs="through")
    assert part.shape == (5, 1, 2)
    for k, source in enumerate(("add1", "in")):
        np.testing.assert_allclose(part[:, 0, k], whole.amplitude(source, "through"), atol=1e-15)
    assert not np.any(circuit.amplitudes(WL, inputs="in", outputs="in"))


def test_equal_components_are_one_group():
    circuit = Circuit(ring_bus(3), LAYOUT_MODELS)
    assert {name: len(found) for name, found in circuit.instances.items()} == {"coupler": 6, "straight": 8}
    assert circuit.parameters["straight"]["length"].shape == (8,)


def test_settings_equal_a_netlist_with_them():
    changed = Circuit(guides(3.0, 4.0), LAYOUT_MODELS)(WL, x1={"length": 5.0}, x0={"loss_db_cm": 3.0})
    wires = chain(Instance("straight", {"length": 3, "loss_db_cm": 3.0}), Instance("straight", {"length": 5.0}))
    np.testing.assert_allclose(changed.values, Circuit(wires, LAYOUT_MODELS).scattering(WL).values, atol=1e-15)


def test_circuit_is_traced_once_for_new_values():
    count = 0

    def counted(wl=1.55, length=10.0):
        nonlocal count
        count += 1
        return straight(wl, length)

    circuit = Circuit(guides(3.0, 4.0), {"straight": counted})
    circuit.scattering(WL)
    before = count
    circuit(WL, x0={"length": 7.0})
    assert count == before


def test_hierarchy_equals_flat():
    pair = guides(3.0, 4.0)
    nested = chain(Instance("pair"), Instance("pair", {"x1": {"length": 9.0}}), port=("in", "out"))
    models = {"pair": pair, **LAYOUT_MODELS}
    flat = Circuit(guides(3.0, 4.0, 3.0, 9.0), LAYOUT_MODELS).scattering(WL).values
    for library in (models, models | {"pair": Circuit(pair, LAYOUT_MODELS)}):
        circuit = Circuit(nested, library)
        np.testing.assert_allclose(circuit.scattering(WL).values, flat, atol=1e-15)
        slope = jax.grad(lambda c: jnp.abs(c.amplitudes(1.55)[1, 0] + 0.3))(circuit)
        leaf = slope.parameters["pair"]["device"].parameters["straight"]["length"]
        assert leaf.shape == (2, 2) and np.all(leaf != 0.0)
    assert circuit(WL, x0={"x0": {"length": 1.0}}).values.shape == (5, 2, 2)


def test_devices_are_components():
    index, half = LinearIndex(2.34, 4.2, 1.55, thermo_optic=1.8e-4, loss_db_cm=2.0), PointCoupler.from_power(0.1)
    rings, guide = [AddDropRing(10.0 + 0.02 * n, half, half, index) for n in range(2)], Waveguide(50.0, index)
    instances = {"a": Instance("ring"), "b": Instance("ring", {"radius": 10.02}), "link": Instance("guide")}
    joined = [("a,through", "link,in"), ("link,out", "b,in")]
    ports = {
        "in": "a,in",
        "through": "b,through",
        "drop1": "a,drop",
        "drop2": "b,drop",
        "add1": "a,add",
        "add2": "b,add",
    }
    circuit = Circuit(netlist(instances, joined, ports), {"ring": rings[0], "guide": guide})
    bus = RingBus(rings, guide).scattering(WL, 310.0)
    found = circuit.scattering(WL, 310.0)
    for source in ports:
        for target in ports:
            difference = found.amplitude(source, target) - bus.amplitude(source, target)
            np.testing.assert_allclose(difference, 0.0, atol=1e-12)
    # The rings' zeros are known, so no light is followed backwards.
    assert not circuit.wiring.request(("in",), ("in",)).plan.present.any()


def test_component_has_a_temperature_of_its_own():
    guide = Waveguide(50.0, LinearIndex(2.34, 4.2, 1.55, thermo_optic=1.8e-4))
    wires = chain(Instance("guide", {"temperature": 305.0}), Instance("guide"), port=("in", "out"))
    circuit = Circuit(wires, {"guide": guide})
    expected = guide.transmission(WL, 320.0) * guide.transmission(WL, 310.0)
    found = circuit(WL, 310.0, x0={"temperature": 320.0}).amplitude("in", "out")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_modes_are_joined_each_to_its_own():
    def two_modes(te=0.5, tm=0.25, mixing=0.0):
        return {("o1@TE", "o2@TE"): te, ("o1@TM", "o2@TM"): tm, ("o1@TE", "o2@TM"): mixing}

    rotated = Instance("two", {"mixing": 0.1})
    circuit = Circuit(chain(Instance("two"), rotated), {"two": two_modes})
    assert circuit.ports == ("in@TE", "in@TM", "out@TE", "out@TM")
    found = circuit.scattering(1.55)
    assert found.amplitude("in@TE", "out@TE") == 0.25
    assert found.amplitude("in@TM", "out@TM") == 0.0625
    np.testing.assert_allclose(found.amplitude("in@TE", "out@TM"), 0.5 * 0.1)
    assert circuit.amplitudes(1.55, inputs="in", outputs="out@TM").shape == (1, 2)


def test_derivatives_of_parameters(assert_gradient):
    circuit = Circuit(ONE_RING, LAYOUT_MODELS)

    def powers(parameters):
        changed = eqx.tree_at(lambda c: c.parameters, circuit, parameters)
        return jnp.abs(changed.amplitudes(1.5501, inputs="in", outputs=["through", "drop1"])[:, 0]) ** 2

    assert_gradient(powers, jax.tree.map(jnp.asarray, circuit.parameters), rtol=1e-5)


def test_second_derivative_of_traced_settings():
    circuit = Circuit(ONE_RING, LAYOUT_MODELS)

    def drop(angles):
        changed = circuit.with_settings({"lower1": {"angle": angles[0]}, "upper1": {"angle": angles[1]}})
        return jnp.abs(changed.amplitudes(1.5501, inputs="in", outputs="drop1")[0, 0]) ** 2

    angles = jnp.array([0.3, 0.4])
    step = 1e-4 * jnp.eye(2)
    slope = jax.jit(jax.vmap(jax.grad(drop)))
    differences = (slope(angles[None] + step) - slope(angles[None] - step)) / 2e-4
    np.testing.assert_allclose(jax.jit(jax.hessian(drop))(angles), differences, rtol=1e-5)


def test_batch_of_circuits():
    circuit = Circuit(guides(3.0, 4.0), LAYOUT_MODELS)
    lengths = jnp.array([1.0, 2.0, 3.0])
    batch = jax.vmap(lambda x: circuit.with_settings({"x0": {"length": x}}))(lengths)
    found = jax.vmap(lambda c: c.amplitudes(WL))(batch)
    for row, length in zip(found, lengths, strict=True):
        np.testing.assert_allclose(row, circuit(WL, x0={"length": float(length)}).values, atol=1e-15)


def test_single_precision(float32):
    circuit = Circuit(ring_bus(2), LAYOUT_MODELS)
    found = circuit.scattering(WL)
    assert found.values.dtype == jnp.complex64
    with jax.enable_x64(True):
        exact = Circuit(ring_bus(2), LAYOUT_MODELS).scattering(WL)
    np.testing.assert_allclose(found.values, exact.values, atol=2e-3)


def test_lenient_leaves_out_settings_of_the_layout():
    wires = chain(Instance("straight", {"length": 3.0, "cross_section": "strip", "width": None}))
    np.testing.assert_array_equal(
        Circuit(wires, LAYOUT_MODELS, lenient=True).scattering(WL).values,
        Circuit(guides(3.0), LAYOUT_MODELS).scattering(WL).values,
    )


def nan_above_one(power=0.5):
    bar = jnp.sqrt(1.0 - power)
    return reciprocal({("o1", "o2"): bar})


MEASURED = SMatrix(np.zeros((3, 2, 2), complex), ("o1", "o2"), np.array([1.5, 1.55, 1.6]))
ERRORS = {
    "missing component": (guides(1.0), {}, r"instance 'x0': there is no model of 'straight'"),
    "unknown setting": (
        chain(Instance("straight", {"lenght": 3.0})),
        LAYOUT_MODELS,
        r"instance 'x0': component 'straight' has no setting 'lenght'; its settings are: length, loss_db_cm",
    ),
    "no default": (guides(1.0), {"straight": lambda length: {}}, r"'straight': its argument 'length' has no default"),
    "no model": (guides(1.0), {"straight": 3}, r"component 'straight': 3 is no function"),
    "no matrix": (chain(Instance("x")), {"x": lambda: np.eye(2)}, r"component 'x' gives ndarray, not an SMatrix"),
    "not square": (
        chain(Instance("x")),
        {"x": lambda: SMatrix(jnp.zeros((3, 2)), ("o1", "o2"), 1.55)},
        r"component 'x' fails: values of shape \(3, 2\)",
    ),
    "itself": (
        chain(Instance("a")),
        {"a": chain(Instance("b")), "b": chain(Instance("a"))},
        r"'a' contains itself: a -> b -> a",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_bad_circuits(name):
    wires, models, message = ERRORS[name]
    with pytest.raises(NetlistError, match=message):
        Circuit(wires, models)


def test_unknown_port_is_named():
    wires = netlist({"a": Instance("straight")}, [], {"in": "a,o1", "out": "a,o3"})
    with pytest.raises(NetlistError, match=r"a,o3: component 'straight' has no port 'o3'; it has o1, o2"):
        Circuit(wires, LAYOUT_MODELS)
    with pytest.raises(NetlistError, match=r"input 'o9' is no port of the circuit; its ports are: in, out"):
        Circuit(guides(1.0), LAYOUT_MODELS).amplitudes(WL, inputs="o9")


def test_port_used_twice_through_its_modes():
    def modes():
        return {("o1@TE", "o2@TE"): 1.0}

    connections = ((Pin("a", "o2"), Pin("b", "o1")), (Pin("a", "o2@TE"), Pin("c", "o1")))
    wires = Netlist({name: Instance("modes") for name in "abc"}, connections, {})
    with pytest.raises(NetlistError, match="a,o2@TE is connected twice"):
        Circuit(wires, {"modes": modes})


def test_modes_that_do_not_fit():
    models = {"te": lambda: {("o1@TE", "o2@TE"): 1.0}, "plain": lambda: {("o1", "o2"): 1.0}}
    with pytest.raises(NetlistError, match=r"x0,o2 and x1,o1 have no mode in common: TE beside none"):
        Circuit(chain(Instance("te"), Instance("plain")), models)


def test_mismatched_wavelengths_are_named():
    circuit = Circuit(chain(Instance("measured")), {"measured": MEASURED})
    with pytest.raises(NetlistError, match=r"component 'measured': its table is at 3 wavelengths from 1.5 to 1.6 um"):
        circuit.scattering(WL)
    fixed = Circuit(chain(Instance("fixed")), {"fixed": lambda: {("o1", "o2"): jnp.ones(3)}})
    with pytest.raises(NetlistError, match=r"component 'fixed': its amplitude from 'o1' to 'o2' has shape \(3,\)"):
        fixed.scattering(WL)


def test_values_that_are_not_finite_are_named():
    wires = chain(Instance("x"), Instance("x", {"power": 1.2}))
    with pytest.raises(NetlistError, match=r"instance 'x1': component 'x' gives a value that is not finite"):
        Circuit(wires, {"x": nan_above_one}).scattering(WL)


def test_bad_settings_are_named():
    circuit = Circuit(guides(1.0), LAYOUT_MODELS)
    with pytest.raises(NetlistError, match=r"there is no instance 'x7'; the instances are: x0"):
        circuit(WL, x7={"length": 1.0})
    with pytest.raises(NetlistError, match=r"instance 'x0': component 'straight' has no setting 'lenght'"):
        circuit(WL, x0={"lenght": 1.0})
    with pytest.raises(NetlistError, match=r"instance 'x0': length = .* not a single number"):
        circuit(WL, x0={"length": np.ones(5)})
    guide = Circuit(
        chain(Instance("guide"), port=("in", "out")), {"guide": Waveguide(1.0, LinearIndex(2.3, 4.2, 1.55))}
    )
    with pytest.raises(ValueError, match=r"instance 'x0': length = -1 um is outside"):
        guide(WL, x0={"length": -1.0})


def test_a_hierarchy_brings_its_own_models():
    inner = guides(3.0, 4.0)
    hierarchy = NetlistHierarchy({"pair": inner, "top": chain(Instance("pair"), port=("in", "out"))}, "top")
    expected = Circuit(inner, LAYOUT_MODELS).scattering(WL).values
    np.testing.assert_allclose(Circuit(hierarchy, LAYOUT_MODELS).scattering(WL).values, expected, atol=1e-15)
    other = Circuit(hierarchy, {"pair": lambda: {("in", "out"): 0.5}}).scattering(WL)
    np.testing.assert_array_equal(other.amplitude("in", "out"), np.full(5, 0.5))


def test_arguments_of_another_kind():
    with pytest.raises(NetlistError, match="netlist is of the kind dict, not Netlist; netlist_from_dict makes one"):
        Circuit({"instances": {}}, LAYOUT_MODELS)  # pyright: ignore[reportArgumentType]
    with pytest.raises(NetlistError, match="models = None is no dict"):
        Circuit(guides(1.0), None)  # pyright: ignore[reportArgumentType]
    nested = {"pair": guides(1.0), **LAYOUT_MODELS}
    with pytest.raises(NetlistError, match=r"instance 'x0': instance 'x0': 3.0 is no dict of settings"):
        Circuit(chain(Instance("pair", {"x0": 3.0}), port=("in", "out")), nested)
    with pytest.raises(NetlistError, match=r"instance 'x0': 5.0 is no dict of settings"):
        Circuit(guides(1.0), LAYOUT_MODELS)(WL, x0=5.0)  # pyright: ignore[reportArgumentType]


def test_wavelengths_in_a_list():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Circuit(guides(1.0), LAYOUT_MODELS).scattering(WL.tolist())
        assert found.group_delay("in", "out").shape == (5,)


def test_bad_wavelengths():
    with pytest.raises(ValueError, match="wl = nan um"):
        Circuit(guides(1.0), LAYOUT_MODELS).scattering(math.nan)
