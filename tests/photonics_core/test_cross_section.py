import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.cross_section import CrossSection
from photonics_core.kernels.elements import geometry
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import as_medium, medium_index
from photonics_core.shapes import Shape


def area_of(section, medium, accuracy="fast"):
    mesh, media = section.mesh(accuracy)
    area = np.asarray(geometry(mesh, 3).area).sum(axis=-1)
    return 2.0 ** sum(section.mirrored) * area[media == medium].sum()


@pytest.mark.parametrize(
    ("section", "area"),
    [
        (CrossSection.strip(0.5, 0.22, 3.5, 1.44), 0.11),
        (CrossSection.strip(0.5, 0.22, 3.5, 1.44, sidewall_angle=80.0), 0.11),
        (CrossSection.strip(0.5, 0.22, 3.5, 1.44, substrate=1.5), 0.11),
        (CrossSection.rib(0.5, 0.22, 0.09, 3.5, 1.44), 0.5 * 0.13 + 0.09 * 4.5),
        (CrossSection.slot(0.2, 0.22, 0.05, 3.5, 1.44), 0.088),
        (CrossSection.from_shapes([Shape.rectangle(-0.25, 0.25, 0.0, 0.22, 3.5)], 1.44), 0.11),
    ],
    ids=["strip", "leaning", "substrate", "rib", "slot", "shapes"],
)
def test_the_core_has_its_area(section, area):
    np.testing.assert_allclose(area_of(section, 0), area, rtol=1e-12)


def test_a_leaning_wall_keeps_the_width_at_half_height():
    upright, leaning = (CrossSection.strip(0.5, 0.2, 3.5, 1.4, substrate=1.4, sidewall_angle=a) for a in (90.0, 80.0))
    np.testing.assert_allclose(leaning.x[1].mean(), upright.x[1].mean(), rtol=1e-14)
    np.testing.assert_allclose(leaning.x[1, 1] - leaning.x[1, 2], 0.2 / np.tan(np.deg2rad(80.0)), rtol=1e-12)


def test_shapes_lie_over_one_another():
    slab = Shape.rectangle(-2.0, 2.0, 0.0, 0.1, 3.0)
    core = Shape.rectangle(-0.25, 0.25, 0.0, 0.22, 3.5)
    section = CrossSection.from_shapes([slab, core], 1.44, margin=0.5)
    np.testing.assert_allclose(area_of(section, 1), 0.11, rtol=1e-12)
    np.testing.assert_allclose(area_of(section, 0), 0.35, rtol=1e-12)


def test_a_polygon_is_cut_at_its_corners():
    # A trapezoid with a step: area by the shoelace formula.
    corners = ((-0.3, 0.0), (0.3, 0.0), (0.25, 0.1), (0.15, 0.1), (0.1, 0.2), (-0.2, 0.2))
    section = CrossSection.from_shapes([Shape(corners, 3.5)], 1.44)
    x, y = np.array(corners).T
    shoelace = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    np.testing.assert_allclose(area_of(section, 0), shoelace, rtol=1e-9)


@pytest.mark.slow
def test_the_mesh_moves_smoothly_with_every_dimension():
    def total(dimensions):
        mesh, _ = CrossSection.rib(*dimensions, 3.5, 1.44, sidewall_angle=82.0).mesh("normal")
        return jnp.sum(mesh.x**2) + jnp.sum(mesh.y**2)

    at = jnp.asarray([0.5, 0.22, 0.09])
    gradient = jax.grad(total)(at)
    for k in range(3):
        step = 1e-6 * np.eye(3)[k]
        np.testing.assert_allclose(gradient[k], (total(at + step) - total(at - step)) / 2e-6, rtol=1e-6)


def test_unfolding_gives_the_whole_section():
    section = CrossSection.rib(0.5, 0.22, 0.09, 3.5, 1.44)
    whole = section.unfolded()
    np.testing.assert_allclose(area_of(whole, 0), area_of(section, 0), rtol=1e-12)
    assert whole.mirrored == (False, False)
    assert whole.unfolded() is whole


def test_media_are_numbers_materials_and_functions():
    assert medium_index(as_medium("core", SILICON), 1.55, 300.0).shape == (3,)
    np.testing.assert_allclose(medium_index(as_medium("core", lambda wl: 2.0 + wl), 1.5, 300.0), 3.5)
    function = as_medium("core", lambda wl, temperature: 2.0 + 1e-3 * (temperature - 300.0))
    np.testing.assert_allclose(medium_index(function, 1.5, 310.0), 2.01)
    np.testing.assert_allclose(medium_index(as_medium("core", (1.5, 1.6, 1.7)), 1.5, 300.0), [1.5, 1.6, 1.7])


def test_a_profile_adds_to_the_index():
    section = CrossSection.strip(0.5, 0.22, 3.5, 1.44)
    heated = CrossSection(
        section.x,
        section.y,
        section.media,
        section.blocks,
        section.mirrored,
        lambda x, y, k: jnp.where(k == 0, 0.01 * x**2, 0.0),
    )
    mesh, media = heated.mesh("fast")
    eps = heated.permittivity(mesh, media, 3, 1.55)
    x = geometry(mesh, 3).x
    expected = np.where((media == 0)[..., None], (3.5 + 0.01 * x**2) ** 2, 1.44**2)
    np.testing.assert_allclose(eps[0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CrossSection.strip(-0.5, 0.22), "width = -0.5 um"),
        (lambda: CrossSection.strip(0.5, 0.0), "height = 0 um"),
        (lambda: CrossSection.strip(500.0, 220.0), "width = 500 um"),
        (lambda: CrossSection.rib(0.5, 0.22, np.array([0.1, 0.09])), r"slab of shape \(2,\)"),
        (lambda: CrossSection.from_shapes([Shape.rectangle(0, 1, 0, 1, 3.5)], 1.44, margin=np.nan), "margin = nan"),
        (lambda: CrossSection.from_shapes(["square"], 1.44), r"shapes\[0\]"),
        (lambda: CrossSection.strip(np.array([0.4, 0.5]), 0.22), "use jax.vmap"),
        (lambda: CrossSection.strip(0.5, 0.22, "silicon"), "core = 'silicon' is not a number, a Material"),
        (lambda: CrossSection.strip(0.5, 0.22, np.nan), "core"),
        (lambda: CrossSection.strip(0.5, 0.22, 0.0), "index of zero"),
        (lambda: CrossSection.strip(0.1, 0.5, sidewall_angle=60.0), "width at the top"),
        (lambda: CrossSection.strip(0.5, 0.2, sidewall_angle=5.0), "sidewall_angle = 5"),
        (lambda: CrossSection.rib(0.5, 0.22, 0.3), "slab = 0.3 um"),
        (lambda: CrossSection.slot(0.2, 0.22, -0.1), "gap = -0.1 um"),
        (lambda: CrossSection.from_shapes([], SILICA), "shapes is empty"),
        (lambda: Shape.rectangle(1.0, 0.0, 0.0, 1.0, 2.0), "is empty"),
        (lambda: Shape(((0, 0), (1, 1)), 2.0), "not three or more"),
        (
            lambda: CrossSection.from_shapes([Shape.rectangle(-0.5, 0.5, 0, 1, 2.0)], mirrored=True),
            "outside the mirrored half",
        ),
        (lambda: CrossSection(np.zeros((3, 3)), np.arange(3.0), (1.0,), ((0, 0), (0, 0))), "do not rise"),
        (lambda: CrossSection.strip(0.5, 0.22).mesh("best"), "accuracy = 'best'"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
