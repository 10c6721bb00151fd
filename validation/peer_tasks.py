"""What peers are asked to compute, each in its own way: run by `peer_server.py` in the peers' environment.

A task takes plain values and returns a function without arguments that computes an array. Each gives the peer its best:
compiled as a whole where it can be. This file imports nothing of the package.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def sax_add_drop(count: int) -> Callable[[], Any]:
    """The add-drop ring of the benchmark as a circuit of two couplers and two half rings, from in to through."""
    half = {"component": "straight", "settings": {"length": 10.0 * np.pi}}
    netlist = {
        "instances": {"lower": "coupler", "upper": "coupler", "right": half, "left": half},
        "connections": {
            "lower,o3": "right,o1",
            "right,o2": "upper,o2",
            "upper,o3": "left,o1",
            "left,o2": "lower,o2",
        },
        "ports": {"in": "lower,o1", "through": "lower,o4", "add": "upper,o1", "drop": "upper,o4"},
    }
    column = sax_circuit(netlist, ["in"], ["through"], count)
    return lambda: column()[:, 0, 0]


def sax_circuit(
    netlist: dict[str, Any], inputs: Sequence[str], outputs: Sequence[str], count: int
) -> Callable[[], Any]:
    """A circuit of SAX, backend klu, from some ports to some others; shape [count, outputs, inputs]."""
    import jax
    import jax.numpy as jnp
    import sax  # pyright: ignore[reportMissingImports]

    circuit, _ = sax.circuit(netlist=netlist, models=_sax_models(), backend="klu")

    # Compiled as a whole, with what is not asked for left out: the best that the peer can do, though its own tour calls
    # the circuit as it is.
    @jax.jit
    def matrix(wl: Any) -> Any:
        amplitudes = sax.sdict(circuit(wl=wl))
        # A pair that the peer leaves out is zero.
        entries = [amplitudes.get((a, b), 0.0) for b in outputs for a in inputs]
        entries = [jnp.broadcast_to(jnp.asarray(entry, complex), wl.shape) for entry in entries]
        return jnp.stack(entries, axis=-1).reshape(wl.size, len(outputs), len(inputs))

    wl = jnp.linspace(1.53, 1.57, count)
    return lambda: matrix(wl).block_until_ready()


def _sax_models() -> dict[str, Callable[..., dict[Any, Any]]]:
    """The models of `validation/networks.py`, written for SAX."""
    import jax.numpy as jnp
    import sax  # pyright: ignore[reportMissingImports]

    def straight(wl: Any = 1.55, length: float = 10.0) -> dict:
        n_eff = 2.34 - (wl - 1.55) * (4.2 - 2.34) / 1.55
        amplitude = 10.0 ** (-2.0e-4 * length / 20.0) * jnp.exp(2j * jnp.pi * n_eff * length / wl)
        return sax.reciprocal({("o1", "o2"): amplitude})

    def coupler(coupling: float = 0.1) -> dict:
        bar, cross = (1.0 - coupling) ** 0.5, 1j * coupling**0.5
        return sax.reciprocal({("o1", "o4"): bar, ("o2", "o3"): bar, ("o1", "o3"): cross, ("o2", "o4"): cross})

    def splitter() -> dict:
        return sax.reciprocal({("o1", "o2"): 0.5**0.5, ("o1", "o3"): 0.5**0.5})

    def interferometer(wl: Any = 1.55, theta: float = 0.3, phi: float = 0.2) -> dict:
        theta, phi = theta * 1.55 / wl, phi * 1.55 / wl
        lower, sine, cosine = 1j * jnp.exp(0.5j * theta), jnp.sin(theta / 2), jnp.cos(theta / 2)
        upper = lower * jnp.exp(1j * phi)
        pairs = {("o1", "o4"): upper * sine, ("o1", "o3"): upper * cosine}
        return sax.reciprocal(pairs | {("o2", "o4"): lower * cosine, ("o2", "o3"): -lower * sine})

    guides = dict.fromkeys(("straight", "bend_euler", "bend_circular"), straight)
    couplers = dict.fromkeys(("coupler", "coupler_ring"), coupler)
    return {**guides, **couplers, "mmi1x2": splitter, "interferometer": interferometer}


def tmm_fast_films(
    n_real: list[Any], n_imag: list[Any], thickness: list[Any], wl: list[Any], angle: list[Any], gradient: bool
) -> Callable[[], Any]:
    """R_s, R_p, T_s, T_p [4, W, A] by tmm_fast in float64, or the gradient of sum(R_s + R_p) in the thicknesses [L]."""
    import torch  # pyright: ignore[reportMissingImports]
    from tmm_fast import coh_tmm  # pyright: ignore[reportMissingImports]

    n = torch.tensor(np.asarray(n_real) + 1j * np.asarray(n_imag))[None, :, None].repeat(1, 1, len(wl))
    d = torch.tensor([np.inf, *thickness, np.inf], dtype=torch.float64)[None]
    angles, wavelengths = torch.tensor(angle, dtype=torch.float64), torch.tensor(wl, dtype=torch.float64)

    def forward() -> Any:
        s, p = (coh_tmm(pol, n, d, angles, wavelengths) for pol in "sp")
        return np.stack([part[0].T.numpy() for part in (s["R"], p["R"], s["T"], p["T"])])

    def backward() -> Any:
        # The indices as well: the peer has nothing to gain from leaving them out.
        index, layers = n.clone().requires_grad_(), d[:, 1:-1].clone().requires_grad_()
        outer = torch.full((1, 1), np.inf, dtype=torch.float64)
        stack = torch.cat([outer, layers, outer], dim=1)
        s, p = (coh_tmm(pol, index, stack, angles, wavelengths)["R"] for pol in "sp")
        (s.sum() + p.sum()).backward()
        return layers.grad[0].numpy()

    return backward if gradient else forward


def tmmax_films(
    n_real: list[Any], n_imag: list[Any], thickness: list[Any], wl: list[Any], angle: list[Any], gradient: bool
) -> Callable[[], Any]:
    """The same by tmmax, in float32, which is all it has."""
    import jax
    import jax.numpy as jnp
    from tmmax.tmm import vectorized_coh_tmm  # pyright: ignore[reportMissingImports]

    grid = jnp.linspace(min(wl), max(wl), 2)
    data = jnp.stack([jnp.stack([grid, 0 * grid + a, 0 * grid + b]) for a, b in zip(n_real, n_imag, strict=True)])
    order, d = jnp.arange(len(n_real)), jnp.asarray(thickness)
    wavelengths, angles = jnp.asarray(wl), jnp.asarray(angle)

    def powers(d: Any) -> Any:
        flags = jnp.array([False]), jnp.array([True])
        s, p = (vectorized_coh_tmm(data, order, d, wavelengths, angles, flag) for flag in flags)
        return jnp.stack([s[0].T, p[0].T, s[1].T, p[1].T])

    forward = jax.jit(powers)
    backward = jax.jit(jax.grad(lambda d: powers(d)[:2].sum()))
    return lambda: np.asarray((backward if gradient else forward)(d))


def femwell_wire(
    width: float, height: float, core: float, cladding: float, wl: float, size: float
) -> Callable[[], Any]:
    """Indices of the first two modes of a wire by second-order triangles of a size (um) at the core, once meshed."""
    from collections import OrderedDict

    import shapely  # pyright: ignore[reportMissingImports, reportMissingModuleSource]
    from femwell.maxwell.waveguide import compute_modes  # pyright: ignore[reportMissingImports]
    from femwell.mesh import mesh_from_OrderedDict  # pyright: ignore[reportMissingImports]
    from skfem import Basis, ElementTriP0  # pyright: ignore[reportMissingImports]
    from skfem.io.meshio import from_meshio  # pyright: ignore[reportMissingImports]

    wire = shapely.box(-width / 2, -height / 2, width / 2, height / 2)
    polygons = OrderedDict(core=wire, cladding=shapely.box(-2.0, -2.0, 2.0, 2.0))
    resolutions = {"core": {"resolution": size, "distance": 0.5}}
    mesh = from_meshio(mesh_from_OrderedDict(polygons, resolutions, default_resolution_max=0.4))
    basis = Basis(mesh, ElementTriP0())
    permittivity = basis.zeros()
    for name, index in (("core", core), ("cladding", cladding)):
        permittivity[basis.get_dofs(elements=name)] = index**2

    def indices() -> Any:
        modes = compute_modes(basis, permittivity, wavelength=wl, num_modes=2, order=2)
        return np.array([np.real(mode.n_eff) for mode in modes])

    return indices


def empy_wire(width: float, height: float, core: float, cladding: float, wl: float, size: float) -> Callable[[], Any]:
    """The same by finite differences on a grid of a size (um)."""
    from EMpy.modesolvers.FD import VFDModeSolver  # pyright: ignore[reportMissingImports]

    count_x, count_y = round((width + 2.4) / size), round((height + 2.4) / size)
    x, y = size * (np.arange(count_x + 1) - count_x / 2), size * (np.arange(count_y + 1) - count_y / 2)

    def permittivity(x: Any, y: Any) -> Any:
        inside = (np.abs(x)[:, None] < width / 2) & (np.abs(y)[None, :] < height / 2)
        return np.where(inside, core**2, cladding**2)

    def indices() -> Any:
        solver = VFDModeSolver(wl, x, y, permittivity, "0000").solve(2, 1e-8)
        return np.array([np.real(mode.neff) for mode in solver.modes])

    return indices


def meow_taper(widths: list[Any], lengths: list[Any], modes: int, size: float, margin: float) -> Callable[[], Any]:
    """Power in TE0 through a row of strips 220 nm high, for each total length, on a grid of a size (um)."""
    import meow as mw  # pyright: ignore[reportMissingImports]

    half_x, half_y = 0.5 * max(widths) + margin, 0.11 + margin
    rows = max(4, round(0.22 / size))
    above = round(margin / size)
    y = 0.22 / rows * np.arange(-above, rows + above + 1) - 0.11
    x = size * np.arange(-round(half_x / size), round(half_x / size) + 1)
    grid, count = mw.Mesh2D(x=x, y=y), len(widths)
    core, cladding = (mw.IndexMaterial(name=name, n=n) for name, n in (("core", 3.476), ("cladding", 1.444)))

    def box(material: Any, dx: float, dy: float, z: tuple[float, float], order: int) -> Any:
        shape = mw.Box(x_min=-dx, x_max=dx, y_min=-dy, y_max=dy, z_min=z[0], z_max=z[1])
        return mw.Structure3D(material=material, geometry=shape, mesh_order=order)

    around = box(cladding, half_x + 1.0, half_y + 1.0, (-1.0, count + 1.0), 5)
    strips = [box(core, 0.5 * width, 0.11, (float(k), k + 1.0), 1) for k, width in enumerate(widths)]
    cells = [
        mw.Cell(structures=[around, strip], mesh=grid, z_min=float(k), z_max=k + 1.0) for k, strip in enumerate(strips)
    ]

    def power() -> Any:
        environment = mw.Environment(wl=1.55, T=25.0)
        sections = [mw.CrossSection.from_cell(cell=cell, env=environment) for cell in cells]
        found = [mw.compute_modes(section, num_modes=modes) for section in sections]
        first, last = (
            max(range(len(each)), key=lambda j, each=each: (each[j].te_fraction > 0.5, each[j].neff.real))
            for each in (found[0], found[-1])
        )
        joints = mw.compute_interface_s_matrices(found)
        result = []
        for length in lengths:
            matrix, ports = mw.compute_s_matrix(
                found, cell_lengths=[length / count] * count, interfaces_fn=lambda _: joints
            )
            result.append(abs(np.asarray(matrix)[ports[f"right@{last}"], ports[f"left@{first}"]]) ** 2)
        return np.array(result)

    return power


# Each with the package that it needs.
TASKS: dict[str, tuple[str, Callable[..., Callable[[], Any]]]] = {
    "sax_add_drop": ("sax", sax_add_drop),
    "sax_circuit": ("sax", sax_circuit),
    "tmm_fast_films": ("tmm_fast", tmm_fast_films),
    "tmmax_films": ("tmmax", tmmax_films),
    "femwell_wire": ("femwell.maxwell.waveguide", femwell_wire),
    "meow_taper": ("meow", meow_taper),
    "empy_wire": ("EMpy.modesolvers.FD", empy_wire),
}
