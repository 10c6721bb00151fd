"""A mode of a waveguide: indices, fields, and what one integrates from them.

Integrals run over the points of quadrature of the mesh, the whole section included where a part of it was solved.
Fields go as exp(i (beta z - w t)). They are those of unit power: the integral of Re(E x H*) . z / 2 is 1 mW with E in
V/um and H in mA/um (the impedance of vacuum is 376.73 V/A = 0.37673 V/mA).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.absorber import media_with_absorbers
from photonics_core.cross_section import DEGREES, CrossSection
from photonics_core.display import Row, Shown, summary_rows
from photonics_core.kernels.checks import check_kind, check_positive, check_range
from photonics_core.kernels.eigenmodes import Walls
from photonics_core.kernels.element_fields import LocalFields, element_fields, point_fields
from photonics_core.kernels.elements import Mesh, geometry, parts_of_elements
from photonics_core.kernels.mode_overlaps import common_points

#: Impedance of vacuum in V/mA, mu_0 c (CODATA 2018).
IMPEDANCE = 0.376730313668


#: Where to integrate: the number of a medium, or a function of x and y in um that is true inside.
Region = Callable[[Any, Any], Any] | int
#: Parts of an element along each side, over which a region given as a function is integrated.
PARTS = 8


class Field(NamedTuple):
    """Electric field in V/um and magnetic field in mA/um, components x, y, z along the first axis."""

    e: jax.Array
    h: jax.Array


class Mode(Shown):
    """A mode of a cross-section, made by `solve_modes`, `fundamental_mode` or `bend_mode`.

    Args:
        section: the cross-section.
        mesh: the mesh of elements.
        permittivity: relative permittivity of the elements, shape [3, columns, rows, 1 or points].
        vector: the unknowns of the eigenvalue problem.
        n_eff: effective index, complex for a bend or lossy media.
        n_g: group index, of the fields and the dispersion of the media.
        wl: free-space wavelength in um.
        walls: what the window ends in.
        accuracy: that of the mesh.
        absorbers: sides of the window with an absorbing layer.
    """

    section: CrossSection
    mesh: Mesh
    permittivity: jax.Array
    vector: jax.Array
    n_eff: jax.Array
    n_g: jax.Array
    wl: jax.Array
    walls: Walls = eqx.field(static=True)
    accuracy: str = eqx.field(static=True)
    absorbers: tuple[str, ...] = eqx.field(static=True, default=())

    @property
    def loss_db_cm(self) -> jax.Array:
        """Power lost along the guide in dB/cm."""
        return 4.0 * jnp.pi * self.n_eff.imag / self.wl * (10.0 / np.log(10.0)) * 1e4

    def _summary(self) -> Iterable[Row]:
        if np.ndim(self.n_eff):
            return []
        found = jax.jit(lambda mode: (mode.te_fraction(), mode.effective_area(), mode.loss_db_cm))(self)
        names = ("te_fraction", "effective_area", "loss_db_cm")
        meanings = ("part of the transverse field squared along x", "in um^2", "power lost along the guide in dB/cm")
        return summary_rows(names, found, meanings)

    def _preview(self) -> Callable[[Any], None] | None:
        from photonics_core.plot import mode_field

        return None if np.ndim(self.n_eff) else lambda ax: mode_field(ax, self)

    def points(self) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Coordinates x and y of the points of quadrature in um and their areas in um^2, each [columns, rows, Q].

        Areas count mirror images. In an absorbing layer coordinates and areas are real parts.
        """
        at = geometry(self.mesh, self._degree)
        images = 2.0 ** sum(self.section.mirrored)
        return at.x.real, at.y.real, images * at.area.real

    def field(self) -> Field:
        """Fields at the points of quadrature, each of shape [3, columns, rows, Q], of unit power."""
        return self._scaled(self._physical(element_fields(self.mesh, self.vector, self._degree)))

    def field_at(self, x: Any, y: Any) -> Field:
        """Fields at any points, in um, of unit power, each of shape [3, ...]; zero outside the mesh."""
        x, y = jnp.broadcast_arrays(jnp.asarray(x, self.wl.dtype), jnp.asarray(y, self.wl.dtype))
        folded = [jnp.abs(u) if flag else u for u, flag in zip((x, y), self.section.mirrored, strict=True)]
        raw = self._physical(point_fields(self.mesh, self.vector, self._degree, *folded))
        signs = self._image_signs(x, y)
        field = self._scaled(raw)
        return Field(field.e * signs.e.astype(field.e.dtype), field.h * signs.h.astype(field.h.dtype))

    def te_fraction(self) -> jax.Array:
        """Part of the transverse electric field squared that lies along x."""
        squares = [self._integral(jnp.abs(part) ** 2) for part in self.field().e[:2]]
        return squares[0] / (squares[0] + squares[1])

    def effective_area(self) -> jax.Array:
        """Effective area in um^2, (int |E|^2)^2 / int |E|^4 (Agrawal, Nonlinear Fiber Optics, eq. 2.3.30)."""
        square = jnp.sum(jnp.abs(self.field().e) ** 2, axis=0)
        return self._integral(square) ** 2 / self._integral(square**2)

    def confinement(self, where: Region) -> jax.Array:
        """Part of the power that flows in a region.

        Args:
            where: number of a medium of the section, or a function of x and y (um) that is true inside. Over a medium
                the integral is that of the elements; a function is asked at the middle of small parts of elements,
                mirror images included, so its edge is known to a tenth of an element.
        """
        self._check_region(where)
        area, inside, field, _ = self._in_region(where)
        flow = area * poynting(field)
        return jnp.sum(flow * inside) / jnp.sum(flow)

    def in_absorbers(self) -> jax.Array:
        """Part of the power in absorbing layers outside the window."""
        area, inside, field, _ = self._in_region(-1)
        flow = area * poynting(field)
        return jnp.sum(flow * inside) / jnp.sum(flow)

    def index_sensitivity(self, where: Region) -> jax.Array:
        """Change of n_eff for a change of the index in a region: d n_eff / d n, of first order.

        It is the confinement that counts for heat, carriers and loss: the electric energy in the region times n_g / n
        (exact for media without dispersion; Robinson et al., Opt. Express 16, 16659 (2008)). In a bend lengths along
        the guide count by 1 + x / radius. The region is given as for `confinement`.
        """
        self._check_region(where)
        area, inside, field, index = self._in_region(where)
        energy = jnp.sum(index * jnp.abs(field.e) ** 2, axis=0)
        return jnp.sum(area * energy * inside) / (IMPEDANCE * jnp.sum(area * poynting(field)))

    def overlap(self, other: "Mode") -> jax.Array:
        """Amplitude with which this mode excites another across a joint, without what is reflected there.

        int (E_1 x H_2* + E_2* x H_1) . z / 4 for fields of unit power, over the parts into which the lines of both
        meshes cut the plane. Both sections are taken as they lie in their own coordinates.
        """
        check_kind("other", other, Mode)
        points = common_points(self._whole_mesh(), other._whole_mesh(), max(self._degree, other._degree) + 1)
        x, y, area = (part.ravel() for part in points)
        ours, theirs = self.field_at(x, y), other.field_at(x, y)
        flux = _cross(ours.e, theirs.h.conj()) + _cross(theirs.e.conj(), ours.h)
        return 0.25 * jnp.sum(area.astype(flux.dtype) * flux)

    def gaussian_overlap(self, mode_field_diameter: Any, x: Any = 0.0, y: Any = 0.0) -> jax.Array:
        """Part of the power of a linearly polarised Gaussian beam that enters the mode, of the fields' shapes alone.

        |int E . G|^2 / (int |E|^2 int G^2) with transverse fields; the beam is polarised along x or y, as the mode
        mostly is. Reflection at the facet is left out.

        Args:
            mode_field_diameter: 1/e^2 diameter of the beam's intensity in um.
            x, y: position of its centre in um.
        """
        check_positive("mode_field_diameter", mode_field_diameter, "um")
        u, v, area, ours = self.samples()
        waist = 0.5 * jnp.asarray(mode_field_diameter, self.wl.dtype)
        beam = jnp.exp(-((u - x) ** 2 + (v - y) ** 2) / waist**2)
        squares = [jnp.sum(area * jnp.abs(part) ** 2) for part in ours.e[:2]]
        along = jnp.where(squares[0] > squares[1], ours.e[0], ours.e[1])
        overlap = jnp.abs(jnp.sum((area * beam).astype(along.dtype) * along)) ** 2
        return overlap / ((squares[0] + squares[1]) * 0.5 * jnp.pi * waist**2)

    def samples(self) -> tuple[jax.Array, jax.Array, jax.Array, Field]:
        """Points, areas and fields of the whole section, mirror images and all, the first of shape [n]."""
        x, y, area = (part.ravel() for part in self.points())
        field = self.field()
        e, h = (part.reshape(3, -1) for part in field)
        images = 2 ** sum(self.section.mirrored)
        for axis, flag in enumerate(self.section.mirrored):
            if flag:
                flip = (-1.0 if axis == 0 else 1.0), (-1.0 if axis == 1 else 1.0)
                x, y, area = (jnp.concatenate([x, flip[0] * x]), jnp.concatenate([y, flip[1] * y]), jnp.tile(area, 2))
                signs = _parity(axis, (self.walls.left, self.walls.bottom)[axis])
                e, h = (
                    jnp.concatenate([f, f * jnp.asarray(s, f.dtype)[:, None]], axis=1)
                    for f, s in zip((e, h), signs, strict=True)
                )
        return x, y, area / images, Field(e, h)

    def is_regular(self) -> bool:
        """Whether the solver found a proper mode: finite, and with power that flows forward."""
        _, _, area = self.points()
        raw = self._physical(element_fields(self.mesh, self.vector, self._degree))
        power = float(jnp.sum(area * poynting(raw)))
        return bool(np.isfinite(power)) and power > 0.0

    def label(self) -> str:
        """Polarisation and index, for people."""
        fraction = float(self.te_fraction())
        kind = "TE" if fraction > 0.5 else "TM"
        return f"{kind} {float(self.n_eff.real):.5f} ({max(fraction, 1.0 - fraction):.0%})"

    @property
    def _degree(self) -> int:
        return DEGREES[self.accuracy]

    def _integral(self, values: jax.Array) -> jax.Array:
        return jnp.sum(self.points()[2] * values)

    def _check_region(self, where: Region) -> None:
        if not callable(where):
            check_kind("where", where, int)
            check_range("where", where, 0, len(self.section.media) - 1)

    def _in_region(self, where: Region) -> tuple[jax.Array, jax.Array, Field, jax.Array]:
        """Areas, what of them lies in a region, fields and indices [3, ...] weighted with the length factor."""
        if callable(where):
            return self._in_parts(where)
        _, _, area = self.points()
        media = media_with_absorbers(self.section.element_media(self.accuracy), self.absorbers, fill=-1)
        inside = jnp.broadcast_to(jnp.asarray(media == where, area.dtype)[..., None], area.shape)
        field = self.field()
        stretch = geometry(self.mesh, self._degree).stretch.real
        return area, inside, field, stretch[None] * jnp.sqrt(jnp.broadcast_to(self.permittivity, field.e.shape)).real

    def _in_parts(self, where: Callable[[Any, Any], Any]) -> tuple[jax.Array, jax.Array, Field, jax.Array]:
        """The same for a function, over parts of the elements and their mirror images."""
        x, y, area = parts_of_elements(self.mesh, PARTS)
        index = jnp.sqrt(jnp.mean(self.permittivity, axis=-1)).real
        index = jnp.broadcast_to(index[..., None, None], (3, *index.shape[1:], PARTS, PARTS))
        index = jnp.broadcast_to(index, (3, *x.shape)) * (1.0 + x * self.mesh.curvature.real)[None]
        images = [(1.0, 1.0)]
        for axis, flag in enumerate(self.section.mirrored):
            flips = [(-u, v) if axis == 0 else (u, -v) for u, v in images] if flag else []
            images = images + flips
        x, y = (jnp.stack([flip[k] * part for flip in images]) for k, part in enumerate((x, y)))
        field = self.field_at(x, y)
        inside = jnp.asarray(where(x, y)).astype(x.dtype)
        return jnp.broadcast_to(area[None], x.shape), inside, field, index[:, None]

    def _whole_mesh(self) -> Mesh:
        """The mesh in real coordinates, unfolded at mirror planes."""
        x, y = self.mesh.x.real, self.mesh.y.real
        if self.section.mirrored[0]:
            x = jnp.concatenate([-x[:0:-1], x])
        if self.section.mirrored[1]:
            x, y = jnp.concatenate([x[:, :0:-1], x], axis=1), jnp.concatenate([-y[:0:-1], y])
        return Mesh(x, y, jnp.zeros((), x.dtype))

    def _physical(self, at: LocalFields) -> Field:
        """Fields of unknown scale, from those of the eigenvalue problem."""
        k0 = 2.0 * jnp.pi / self.wl
        at, beta, scale = jax.tree.map(
            lambda part: part.astype(jnp.result_type(complex)),
            (at, self.n_eff * k0.astype(self.n_eff.dtype), 1.0 / (k0 * IMPEDANCE)),
        )
        x, y = (at.transverse[k] + at.gradient[k] for k in (0, 1))
        e = jnp.stack([*(part / beta for part in at.transverse), -1j * at.longitudinal / at.stretch])
        h = jnp.stack([-y / at.stretch, x / at.stretch, -1j * at.curl / beta])
        return Field(e, h * scale)

    def _scaled(self, field: Field) -> Field:
        raw = self._physical(element_fields(self.mesh, self.vector, self._degree))
        scale = 1.0 / jnp.sqrt(0.5 * self._integral(poynting(raw))).astype(field.e.dtype)
        return Field(field.e * scale, field.h * scale)

    def _image_signs(self, x: jax.Array, y: jax.Array) -> Field:
        e = h = jnp.ones((3, *x.shape), x.dtype)
        for axis, (u, flag) in enumerate(zip((x, y), self.section.mirrored, strict=True)):
            if flag:
                signs = _parity(axis, (self.walls.left, self.walls.bottom)[axis])
                e, h = (
                    f * jnp.where(u < 0, jnp.asarray(s, u.dtype).reshape(3, *(1,) * u.ndim), 1.0)
                    for f, s in zip((e, h), signs, strict=True)
                )
        return Field(e, h)


def poynting(field: Field) -> jax.Array:
    """Twice the power that flows along z per area, Re(E x H*) . z, in mW/um^2."""
    return _cross(field.e, field.h.conj()).real


def _cross(e: jax.Array, h: jax.Array) -> jax.Array:
    return e[0] * h[1] - e[1] * h[0]


def _parity(axis: int, wall: str) -> tuple[np.ndarray, np.ndarray]:
    """Signs of E and H in the mirror image at a wall across an axis."""
    normal = np.array([1.0 if k == axis else -1.0 for k in range(3)])
    return (normal, -normal) if wall == "electric" else (-normal, normal)
