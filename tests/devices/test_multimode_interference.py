"""Multimode interference: beat length, images of the input, energy and what was captured."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core.devices.multimode_interference import MultimodeInterference
from photonics_core.films import FilmStack
from photonics_core.materials import SILICA, SILICON

#: All stand on solved modes, which take longest.
pytestmark = pytest.mark.slow

WIDTH, WL = 2.5, 1.55
SIDES = (-0.75, 0.75)


@pytest.fixture(scope="module")
def mixer() -> MultimodeInterference:
    """Two inputs and two outputs at the edges of a section of 2.5 um of silicon, tapers of 1 um."""
    solved = MultimodeInterference.solve(WIDTH, 10.0, SIDES, SIDES, accuracy="fast")
    return solved.at_length(3.0 / 2.0 * solved.beat_length(WL))


@pytest.fixture(scope="module")
def splitter() -> MultimodeInterference:
    """One input in the middle and two outputs."""
    solved = MultimodeInterference.solve(WIDTH, 10.0, [0.0], [-0.625, 0.625], accuracy="fast")
    return solved.at_length(3.0 / 8.0 * solved.beat_length(WL))


def test_the_beat_length_is_that_of_the_effective_width(mixer):
    cladding = float(SILICA.index(WL))
    slab = float(np.max(FilmStack([SILICA, SILICON, SILICA], [0.22]).guided_modes(WL, "s")))
    wide = WIDTH + WL / math.pi * (cladding / slab) ** 2 / math.sqrt(slab**2 - cladding**2)
    assert_allclose(mixer.beat_length(WL), 4.0 * slab * wide**2 / (3.0 * WL), rtol=0.05)


def test_propagation_constants_fall_as_squares(mixer):
    n = np.asarray(mixer.effective_indices(WL))
    assert n.shape == (8,)
    fall = (n[0] - n[:4]) / (n[0] - n[1])
    order = np.arange(4)
    assert_allclose(fall, order * (order + 2) / 3.0, rtol=0.05)


def test_one_input_in_the_middle_is_split_in_two(splitter):
    s = splitter.scattering(WL)
    assert s.ports == ("in_1", "out_1", "out_2")
    assert_allclose(s.amplitude("in_1", "out_1"), s.amplitude("in_1", "out_2"), rtol=1e-6)
    assert 0.96 < float(splitter.total_power(WL)["in_1"]) < 1.0
    assert s.reciprocity_residual() == 0
    assert s.power("in_1", "in_1") == 0


def test_two_inputs_are_mixed_half_and_half_a_quarter_of_a_turn_apart(mixer):
    s = mixer.scattering(WL)
    bar, cross = s.amplitude("in_1", "out_1"), s.amplitude("in_1", "out_2")
    assert_allclose(np.abs([bar, cross]) ** 2, 0.48, atol=0.02)
    assert_allclose(abs(np.angle(bar / cross, deg=True)), 90.0, atol=2.0)
    assert_allclose(s.amplitude("in_2", "out_2"), bar, rtol=1e-6)


def test_the_input_comes_back_mirrored_and_then_straight(mixer):
    # General interference: mirrored at 3 L_pi, itself at 6 L_pi; higher modes are out of step and blur it.
    mirrored = mixer.at_length(3.0 * mixer.beat_length(WL)).scattering(WL)
    assert mirrored.power("in_1", "out_2") > 0.75 > 0.2 > mirrored.power("in_1", "out_1")


def test_no_length_gives_more_power_than_went_in(splitter, mixer):
    lengths = jnp.linspace(0.0, 60.0, 301)
    for device in (splitter, mixer):
        totals = jax.vmap(lambda length, device=device: device.at_length(length).total_power(WL)["in_1"])(lengths)
        assert float(jnp.max(totals)) <= 1.0
        assert device.scattering(WL).passivity_residual() <= 0.0


def test_without_length_each_guide_goes_on_into_its_own(mixer):
    s = mixer.at_length(0.0).scattering(WL)
    assert_allclose(s.power("in_1", "out_1"), mixer.captured(WL)["in_1"] ** 2, rtol=1e-9)
    assert s.power("in_1", "out_2") < 1e-3


def test_it_says_how_much_of_each_input_its_modes_hold(mixer):
    captured = mixer.captured(WL)
    assert list(captured) == ["in_1", "in_2", "out_1", "out_2"]
    assert all(0.997 < float(value) < 1.0 for value in captured.values())
    fewer = MultimodeInterference(1.0, mixer.n_eff[:, :2], mixer.inputs[..., :2], mixer.outputs[..., :2])
    assert fewer.captured(WL)["in_1"] < 0.7


def test_the_derivative_by_length(splitter, assert_gradient):
    def amplitudes(length):
        s = splitter.at_length(length).scattering(WL)
        return jnp.stack([s.power("in_1", "out_1"), jnp.real(s.amplitude("in_1", "out_2"))])

    assert_gradient(amplitudes, jnp.asarray(5.0))


def test_excess_loss_takes_its_part(splitter):
    lossy = MultimodeInterference(splitter.length, splitter.n_eff, splitter.inputs, splitter.outputs, 3.0)
    ratio = lossy.total_power(WL)["in_1"] / splitter.total_power(WL)["in_1"]
    assert_allclose(ratio, 10.0**-0.3, rtol=1e-12)


@pytest.mark.slow
def test_between_solved_wavelengths_lies_a_polynomial(mixer):
    device = MultimodeInterference.solve(WIDTH, 5.6, SIDES, SIDES, wl=(1.5, 1.6), accuracy="fast")
    n, beat = device.effective_indices(WL)[:6], device.beat_length(WL)
    assert_allclose(n, mixer.effective_indices(WL)[:6], rtol=1e-6)
    assert_allclose(beat, mixer.beat_length(WL), rtol=1e-5)
    found = device.scattering(np.array([1.52, WL])).values[1]
    assert_allclose(np.abs(found), np.abs(mixer.at_length(5.6).scattering(WL).values), atol=1e-3)


def test_a_traced_wavelength_outside_stops_the_program(mixer):
    for call in (lambda wl: mixer.transmission(wl), lambda wl: mixer.captured(wl)["in_1"]):
        with pytest.raises(Exception, match=r"wl is outside \[1.55, 1.55\] um"):
            jax.block_until_ready(jax.jit(call)(1.6))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda d: MultimodeInterference.solve(2.5, 1.0, [0.9], [0.0]), "inputs = 0.9 um is outside"),
        (lambda d: MultimodeInterference.solve(2.5, 1.0, [], [0.0]), "inputs = [] is not a list"),
        (lambda d: MultimodeInterference.solve(-2.5, 1.0, [0.0], [0.0]), "width = -2.5 um"),
        (lambda d: MultimodeInterference.solve(2.5, 1.0, [0.0], [0.0], polarization="x"), "polarization = 'x'"),
        (lambda d: MultimodeInterference.solve(2.5, 1.0, [0.0], [0.0], wl=(1.6, 1.5)), "longest wavelength = 1.5 um"),
        (
            lambda d: MultimodeInterference.solve(2.5, 1.0, [0.0], [0.0], wl=(1.5, 1.55, 1.6)),
            "wl = (1.5, 1.55, 1.6) is not",
        ),
        (
            lambda d: MultimodeInterference.solve(4.0, 0.0, [-0.2, 0.2], [-0.2, 0.2]),
            "distance of neighbours in inputs = 0.4 um is outside [1, inf)",
        ),
        (
            lambda d: MultimodeInterference.solve(4.0, 0.0, [0.0], [1, 0.5, -1]),
            "distance of neighbours in outputs = 0.5",
        ),
        (lambda d: d.at_length(np.ones(2)), "length of shape (2,) is not a number"),
        (lambda d: d.at_length(-1.0), "length = -1 um is outside [0, inf)"),
        (lambda d: d.scattering(1.6), "wl = 1.6 um is outside"),
    ],
)
def test_bad_input_is_named(mixer, build, message):
    with pytest.raises(ValueError) as error:
        build(mixer)
    assert str(error.value).startswith(message)
