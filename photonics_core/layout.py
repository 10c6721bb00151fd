"""Layouts: placed cells, routes between their ports, and the circuit, area and heat that follow from where they are.

A `Layout` is a pytree whose coordinates are leaves, so that area, spacing, thermal coupling and the spectrum of the
circuit with its routed lengths have derivatives by them. Which shape a route has and which routes cross is found when
the layout is made, from numbers the host can read, and kept; `resolved` finds it anew after coordinates have moved far.

    layout = Layout(cells, routes, ports)
    circuit = layout.circuit(models)
    jax.grad(lambda at: loss(layout.moved(at).circuit(models, circuit).amplitudes(wl)))(layout.positions())
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bend_loss import BendLoss, path_loss_db
from photonics_core.circuit import Circuit
from photonics_core.display import Row, Shown
from photonics_core.guide_paths import PathChain, Pose
from photonics_core.kernels.checks import check_choice, check_finite, check_kind, is_concrete
from photonics_core.kernels.guide_curves import namespace, real
from photonics_core.layout_batches import of_each
from photonics_core.layout_cells import Placed, placed_corners
from photonics_core.layout_checks import check_names, check_parts, check_places, check_traced
from photonics_core.layout_crossings import Crossed, RouteCrossing, find_crossings
from photonics_core.layout_links import (
    chained,
    check_part_names,
    crossing_lengths,
    crossing_name,
    ends_of,
    part_names,
    part_settings,
    path_of,
    routed,
)
from photonics_core.layout_measures import (
    EDGES,
    bounds_of,
    clearance_constraints,
    guide_boxes,
    route_points,
    shoreline_mm,
    spacing_constraints,
)
from photonics_core.layout_routes import Route
from photonics_core.netlist import Instance, Netlist, Pin
from photonics_core.runtime import as_leaf
from photonics_core.thermal_chip import Chip
from photonics_core.thermal_layout import ThermalLayout
from photonics_core.thermal_stack import ThermalRegion, ThermalStack

#: A slab of a layer: its name, height over the layer's bottom and thickness in um, or None for all above.
SlabOf = tuple[str, float, float | None]
#: A crossing that takes up no length.
PLAIN_CROSSING = RouteCrossing()


class Layout(Shown):
    """Placed cells, the routes between their ports, and what leads out.

    Args:
        cells: `Placed` by name of the instance.
        routes: `Route` by name; each is an instance of the netlist too, cut in parts where it is crossed.
        ports: outer ports by name, each an "instance,port".
        joints: pairs of ports that lie on one another and are joined without a route.
        crossing: the component where routes cross.
        route_component: component of the routes in the netlist, with the settings `length` in um and, with `bend_loss`,
            `loss_db`; a `RoutedGuide` has both.
        route_ports: its ports.
        bend_loss: what bends lose; None to leave it out.

    Raises:
        ValueError: for parts of another kind, a name used twice, an unknown instance or port, a port used twice, ports
            that overlap, joints that do not meet, a route that cannot be joined at its radius, routes that cross at a
            grazing angle or lie on one another, or places that are traced, where shapes or crossings must be found.
    """

    cells: dict[str, Placed]
    routes: dict[str, Route]
    ports: tuple[tuple[str, Pin], ...] = eqx.field(static=True)
    joints: tuple[tuple[Pin, Pin], ...] = eqx.field(static=True)
    crossing: RouteCrossing = eqx.field(static=True)
    crossed: tuple[Crossed, ...] = eqx.field(static=True)
    route_component: str = eqx.field(static=True)
    route_ports: tuple[str, str] = eqx.field(static=True)
    bend_loss: BendLoss | None

    def __init__(
        self,
        cells: Mapping[str, Placed],
        routes: Mapping[str, Route] | None = None,
        ports: Mapping[str, Pin | str] | None = None,
        joints: Sequence[tuple[Pin | str, Pin | str]] = (),
        *,
        crossing: RouteCrossing = PLAIN_CROSSING,
        route_component: str = "route",
        route_ports: tuple[str, str] = ("in", "out"),
        bend_loss: BendLoss | None = None,
    ) -> None:
        check_parts(cells, routes or {})
        check_kind("crossing", crossing, RouteCrossing)
        if bend_loss is not None:
            check_kind("bend_loss", bend_loss, BendLoss)
        if isinstance(route_ports, str) or len(set(route_ports)) != 2:
            raise ValueError(f"route_ports = {route_ports!r} are not two names")
        self.cells, self.routes = dict(cells), dict(routes or {})
        self.ports = tuple((name, Pin.of(pin)) for name, pin in (ports or {}).items())
        self.joints = tuple((Pin.of(one), Pin.of(other)) for one, other in joints)
        self.crossing, self.route_component = crossing, route_component
        self.route_ports = (route_ports[0], route_ports[1])
        self.bend_loss = bend_loss
        pins = [pin for route in self.routes.values() for pin in (route.start, route.end)]
        pins += [pin for pair in self.joints for pin in pair] + [pin for _, pin in self.ports]
        check_names(self.cells, self.routes, pins)
        places = [(cell.pose, cell.cell.ports) for cell in self.cells.values()]
        if is_concrete(*jax.tree.leaves((places, self.routes))):
            check_places(self.cells, self.joints)
            ends = {name: (self.port(route.start), self.port(route.end)) for name, route in self.routes.items()}
            self.routes = {name: route.resolved(*ends[name]) for name, route in self.routes.items()}
            self.crossed = find_crossings(self.paths())
        else:
            check_traced(self.cells, self.routes)
            self.crossed = ()
        check_part_names(self.cells, self.routes, self.crossed)

    def _summary(self) -> Iterable[Row]:
        left, bottom, right, top = (float(each) for each in self.bounding_box())
        return [("box", f"{right - left:.6g} x {top - bottom:.6g}", "of all that is drawn, in um")]

    def _preview(self) -> Callable[[Any], None] | None:
        from photonics_core.plot_layout import draw_layout

        return lambda ax: draw_layout(ax, self, names=False)

    # --- coordinates ------------------------------------------------------------------------------

    def positions(self) -> np.ndarray | jax.Array:
        """Places of the cells in um, shape [cells, 2], in their order."""
        xp = namespace(*(value for cell in self.cells.values() for value in (cell.x, cell.y)))
        return xp.stack([xp.stack([real(xp, cell.x), real(xp, cell.y)]) for cell in self.cells.values()])

    def moved(self, positions: Any, angles: Any = None) -> "Layout":
        """The layout with cells at other places, all else as it is: the same routes' shapes and the same crossings.

        Args:
            positions: in um, shape [cells, 2].
            angles: in rad, shape [cells]; None to leave them.

        Raises:
            ValueError: for positions of another shape or not finite.
        """
        count, positions, angles = len(self.cells), as_leaf(positions), as_leaf(angles)
        for name, value, shape in (("positions", positions, (count, 2)), ("angles", angles, (count,))):
            if value is not None:
                check_finite(name, value)
                if np.shape(value) != shape:
                    raise ValueError(f"{name} of shape {np.shape(value)} are not {list(shape)}, one row a cell")
        cells = {}
        for k, (name, cell) in enumerate(self.cells.items()):
            angle = cell.angle if angles is None else angles[k]
            cells[name] = dataclasses.replace(cell, x=positions[k, 0], y=positions[k, 1], angle=angle)
        return eqx.tree_at(lambda layout: layout.cells, self, cells)

    def resolved(self) -> "Layout":
        """The layout made again from where its cells are: all checks, and crossings found anew."""
        return Layout(
            self.cells,
            self.routes,
            dict(self.ports),
            self.joints,
            crossing=self.crossing,
            route_component=self.route_component,
            route_ports=self.route_ports,
            bend_loss=self.bend_loss,
        )

    def port(self, pin: Pin | str) -> Pose:
        """Place of a port of a cell in um, and its heading out of the cell in rad."""
        pin = Pin.of(pin)
        check_choice("instance", pin.instance, self.cells)
        return self.cells[pin.instance].port(pin.port)

    def footprints(self) -> dict[str, Any]:
        """Corners in um, shape [N, 2], of the footprint of each cell, and of its further polygons as "cell,name"."""
        places = {}
        for name, each in self.cells.items():
            places[name] = (each.pose, each.cell.footprint)
            places |= {f"{name},{part}": (each.pose, corners) for part, corners in each.cell.further.items()}
        return of_each(lambda each: placed_corners(*each), places)

    def path(self, name: str) -> PathChain:
        """The path of a route."""
        check_choice("route", name, self.routes)
        route = self.routes[name]
        return route.path(self.port(route.start), self.port(route.end))

    def paths(self) -> dict[str, PathChain]:
        """The paths of all routes."""
        return {name: self.path(name) for name in self.routes}

    # --- measures ---------------------------------------------------------------------------------

    def bounding_box(self, softness: Any = None) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """Least x, least y, largest x, largest y in um of footprints and routes; smooth with a softness in um."""
        points = list(self.footprints().values())
        points += of_each(
            lambda part: route_points(path_of(part), part[0].width), routed(self.cells, self.routes)
        ).values()
        xp = namespace(*points)
        return bounds_of(xp.concatenate([real(xp, each) for each in points]), softness)

    def area(self, softness: Any = None) -> jax.Array:
        """Area of the bounding box in um^2."""
        left, bottom, right, top = self.bounding_box(softness)
        return (right - left) * (top - bottom)

    def shoreline(self, edge: str = "west") -> jax.Array:
        """Length in mm of an edge of the chip that is taken up by cells whose outer ports lead out there.

        Raises:
            ValueError: for an unknown edge, one that no port leads to, or angles of cells that are traced.
        """
        check_choice("edge", edge, EDGES)
        outer = []
        for _, pin in self.ports:
            cell = self.cells[pin.instance]
            headings = cell.angle, cell.cell.port(pin.port).heading
            if not is_concrete(*headings):
                raise ValueError(f"the heading of port {pin} is traced; which edge it leads to must be known")
            # Summed on the host: the pose of a moved cell is traced, its angle with it.
            mine = [placed_corners(cell.pose, each) for each in (cell.cell.footprint, *cell.cell.further.values())]
            outer += [(sum(float(np.asarray(each)) for each in headings), corners) for corners in mine]
        return shoreline_mm(edge, outer)

    def spacing_constraints(
        self, spacing: Any = 0.0, softness: Any = None, among: Sequence[str] | None = None
    ) -> jax.Array:
        """c = spacing - distance of polygons of different cells in um, shape [pairs]; none above 0 is a good layout.

        Overlap counts as a negative distance, by its depth. With a softness in um the distance is smooth and never
        above the exact one; see `kernels.convex_distance` for by how much it is below.

        Args:
            spacing: least distance in um.
            softness: in um; None for the exact distance.
            among: names of further polygons, of which alone the distances are; None for all polygons.
        """
        return spacing_constraints(self._chosen(among), spacing, softness)

    def clearance_constraints(self, spacing: Any = 0.0, softness: Any = None) -> jax.Array:
        """c = spacing - distance in um of routes from the cells that they do not end at, and from other routes."""
        touched = {name: {route.start.instance, route.end.instance} for name, route in self.routes.items()}
        boxes = of_each(lambda part: guide_boxes(path_of(part), part[0].width), routed(self.cells, self.routes))
        crossing = {frozenset((each.first, each.second)) for each in self.crossed}
        return clearance_constraints(self.footprints(), boxes, touched, crossing, spacing, softness)

    def route_constraints(self) -> jax.Array:
        """c = -slack of all routes (see `layout_routes`): none above 0 where all can be joined at their radius."""
        slacks = list(of_each(lambda part: part[0].slack(*ends_of(part)), routed(self.cells, self.routes)).values())
        xp = namespace(*slacks)
        return jnp.asarray(-xp.concatenate([real(xp, each) for each in slacks] or [xp.zeros(0)]))

    # --- circuit ----------------------------------------------------------------------------------

    def route_lengths(self) -> dict[str, Any]:
        """Lengths in um of the routes."""
        return of_each(lambda part: path_of(part).length, routed(self.cells, self.routes))

    def settings(self) -> dict[str, dict[str, Any]]:
        """Settings of all instances of the netlist that have numbers, for `Circuit.with_settings`."""
        found = {name: dict(cell.cell.settings) for name, cell in self.cells.items()} | self._route_settings()
        return {name: own for name, own in found.items() if own}

    def netlist(self) -> Netlist:
        """The netlist: cells, routes in parts, and the crossings between the parts."""
        settings = self.settings()
        instances = {name: Instance(cell.cell.component, settings.get(name, {})) for name, cell in self.cells.items()}
        connections = list(self.joints)
        for name, route in self.routes.items():
            parts = self.parts(name)
            instances |= {part: Instance(self.route_component, settings[part]) for part in parts}
            connections += chained(name, route, self.crossed, self.crossing, self.route_ports)
        instances |= {name: Instance(self.crossing.component) for name in self.crossing_names()}
        return Netlist(instances, connections, dict(self.ports))

    def circuit(self, models: Mapping[str, Any], like: Circuit | None = None) -> Circuit:
        """The circuit of the netlist, its numbers following the coordinates; they may be traced.

        Args:
            models: model of each component, that of routes among them.
            like: a circuit of this layout made before, whose compiled program is used again with the present numbers.

        Raises:
            NetlistError: as `Circuit` does.
        """
        if like is None:
            return Circuit(self.netlist(), models)
        check_kind("like", like, Circuit)
        return like.with_settings(self.settings())

    def parts(self, route: str) -> list[str]:
        """Names in the netlist of the parts of a route."""
        return part_names(self.crossed, route)

    def crossing_names(self) -> list[str]:
        """Names in the netlist of the crossings."""
        return [crossing_name(number) for number in range(len(self.crossed))]

    # --- heat -------------------------------------------------------------------------------------

    def heater_names(self) -> list[str]:
        """Names of the heaters, "instance,heater", in the order of `thermal`."""
        return [f"{name},{key}" for name, cell in self.cells.items() for key in cell.cell.heaters]

    def probe_names(self) -> list[str]:
        """Names of the places whose temperature counts, "instance,probe"."""
        return [f"{name},{key}" for name, cell in self.cells.items() for key in cell.cell.probes]

    def thermal(
        self, stack: ThermalStack, heater: SlabOf, probe: SlabOf, chip: Chip | None = None, **options: Any
    ) -> ThermalLayout:
        """Heaters and probes where they are, in a stack of layers.

        Args:
            stack: the layers.
            heater, probe: the slab of each: layer, height over its bottom in um, thickness in um or None for the rest.
            chip: its edges; None for layers without end.
            options: further arguments of `ThermalLayout`.
        """
        heaters = [ThermalRegion(shape, *heater) for cell in self.cells.values() for shape in cell.heaters().values()]
        probes = [ThermalRegion(shape, *probe) for cell in self.cells.values() for shape in cell.probes().values()]
        return ThermalLayout(stack, heaters, probes, chip, **options)

    # --- inner ------------------------------------------------------------------------------------

    def _chosen(self, among: Sequence[str] | None) -> dict[str, Any]:
        """Footprints, or the further polygons of some names."""
        found = self.footprints()
        if among is None:
            return found
        names = [among] if isinstance(among, str) else list(among)
        for name in names:
            check_choice("among", name, {each.partition(",")[2] for each in found} - {""})
        return {each: corners for each, corners in found.items() if each.partition(",")[2] in names}

    def _route_settings(self) -> dict[str, dict[str, Any]]:
        def measured(part: Any) -> tuple[Any, Any]:
            path = path_of(part)
            return path.length, None if self.bend_loss is None else path_loss_db(path, self.bend_loss)

        names = dict.fromkeys(name for each in self.crossed for name in (each.first, each.second))
        marks = crossing_lengths(self.crossed, {name: self.path(name) for name in names})
        whole = of_each(measured, routed(self.cells, self.routes))
        return part_settings(self.crossed, self.crossing.size, marks, whole)
