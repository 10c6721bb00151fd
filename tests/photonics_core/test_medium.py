import dataclasses
import functools
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.cross_section import CrossSection
from photonics_core.fibre import StepIndexFibre
from photonics_core.films import FilmStack
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import IndexFunction, Raised, as_medium, index_at, media_key


class Glass(eqx.Module):
    n: jax.Array

    def __call__(self, wl):
        return self.n + 0.01 * (wl - 1.5)


@pytest.mark.parametrize(
    "value",
    [
        1.46,
        SILICA,
        lambda wl: 1.44 + 0.01 * wl,
        lambda wl, temperature=300.0: 1.44 + 0.01 * wl,
        Glass(np.asarray(1.46)),
    ],
)
def test_every_device_takes_every_medium_and_gives_it_the_same_index(value):
    expected = np.asarray(index_at(as_medium("medium", value), jnp.asarray(1.5)))
    film = FilmStack([1.0, value, 1.0], [0.5]).index(1.5)[1]
    core, cladding = StepIndexFibre(1.0, 2.0, value).indices(1.5)
    section = CrossSection.strip(0.5, 0.22, 2.0, value)
    mesh, media = section.mesh("fast")
    index = np.sqrt(section.permittivity(mesh, media, 3, 1.5, 300.0)[:, media == 1])
    for found in (film, cladding, index):
        np.testing.assert_allclose(found, np.broadcast_to(expected, np.shape(found)), rtol=1e-14)
    assert core == 2.0


def test_numbers_stay_on_the_host_and_modules_keep_their_leaves():
    number = as_medium("core", 1.5)
    assert isinstance(number, np.ndarray)
    assert index_at(number, 1.5) is number
    assert as_medium("core", 1.5 + 0.1j).dtype == np.complex128
    assert isinstance(as_medium("core", np.sqrt), IndexFunction)
    slope = eqx.filter_grad(lambda glass: FilmStack([1.0, glass, 1.0], [0.5]).reflection(1.5).s)(
        Glass(jnp.asarray(1.46))
    )
    assert np.isfinite(slope.n)


def test_a_function_is_given_the_temperature_if_it_takes_one_and_the_device_knows_one():
    def index(wl, temperature=250.0):
        return wl + temperature

    assert index_at(as_medium("core", index), 1.0) == 251.0
    assert index_at(as_medium("core", index), 1.0, 310.0) == 311.0
    assert index_at(as_medium("core", lambda wl, t: wl + t), 1.0) == 301.0
    table = functools.partial(np.interp, xp=[1.0, 2.0], fp=[1.5, 1.6])
    np.testing.assert_allclose(index_at(as_medium("core", table), 1.5, 310.0), 1.55)


def test_a_raised_index_follows_its_material():
    raised = Raised(SILICA, 0.0036)
    for temperature in (290.0, 320.0):
        n, n1 = SILICA.index(1.5, temperature), index_at(raised, 1.5, temperature)
        np.testing.assert_allclose((n1**2 - n**2) / (2 * n1**2), 0.0036, rtol=1e-12)


@pytest.mark.parametrize("value", ["silicon", None, True, [1.5, "a"], np.nan, 1.5 + np.inf * 1j, [[1.5], [np.inf]]])
def test_what_is_no_index_is_an_error_that_names_it(value):
    with pytest.raises(ValueError, match="core"):
        as_medium("core", value)


def test_keys_tell_materials_by_what_they_compute():
    keys = [
        json.dumps(media_key(core=dataclasses.replace(SILICON, formula=lambda wl, t, n=n: n + 0.0 * wl + 0.0 * t)))
        for n in (3.3, 3.4)
    ]
    assert keys[0] != keys[1]
    assert media_key(core=SILICON) == media_key(core=dataclasses.replace(SILICON))
