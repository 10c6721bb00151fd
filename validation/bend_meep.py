"""Bends by Meep, finite differences in time, in two dimensions; run by a Python that has it.

    python bend_meep.py BENDS.json RESOLUTION

BENDS.json has by name the lengths of pieces in um and their curvatures at start and end in 1/um, as `pieces()` of a
path gives; null is a straight guide. For each a line of JSON is printed: the power in the guide's mode behind the bend
over that before it, `T`, its loss in mdB, and what is reflected. The wire is that of notebooks/design_bend.py by the
effective index of its film, with H upright. Nothing of this package is used.
"""

import itertools
import json
import sys
from typing import Any

import meep  # pyright: ignore[reportMissingImports]
import numpy as np
from scipy.optimize import brentq

mp: Any = meep

WIDTH, THICKNESS, WL, SILICON, SILICA = 0.45, 0.22, 1.55, 3.476, 1.444
LEAD, PAD, ABSORBER, FAR = 1.6, 1.5, 1.0, 20.0


def film_index() -> float:
    """Effective index of the fundamental mode of the film, E in its plane."""
    k = 2.0 * np.pi / WL

    def missing(n: float) -> float:
        return float(
            np.tan(0.5 * k * THICKNESS * np.sqrt(SILICON**2 - n**2)) - np.sqrt((n**2 - SILICA**2) / (SILICON**2 - n**2))
        )

    found: Any = brentq(missing, SILICA + 1e-9, SILICON - 1e-9)
    return float(found)


def axis(pieces: Any, parts: int = 120) -> np.ndarray:
    """Places and headings along the middle of the guide, shape [N, 3]."""
    if pieces is None:
        return np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    nodes, weights = np.polynomial.legendre.leggauss(6)
    points, whole = [np.zeros(3)], float(np.sum(pieces[0]))
    for length, begin, finish in zip(*pieces, strict=True):
        x, y, heading = points[-1]
        edges = np.linspace(0.0, length, 1 + (max(8, int(parts * length / whole)) if length else 0))
        for low, high in itertools.pairwise(edges):
            s = np.append(0.5 * (low + high) + 0.5 * (high - low) * nodes, high)
            turned = heading + begin * s + (finish - begin) * s**2 / (2.0 * length)
            step = 0.5 * (high - low) * weights
            x, y = x + step @ np.cos(turned[:-1]), y + step @ np.sin(turned[:-1])
            points.append(np.array([x, y, turned[-1]]))
    return np.array(points)


def passed(pieces: Any, resolution: int) -> dict[str, float]:
    """What passes a bend that ends with the heading it had, or upwards."""
    path = axis(pieces)
    x, y, heading = path[-1]
    is_turned = abs(heading) > 0.1
    ahead = np.array([np.cos(heading), np.sin(heading)])
    line = np.vstack([[-FAR, 0.0, 0.0], path, [x + FAR * ahead[0], y + FAR * ahead[1], heading]])
    side = 0.5 * WIDTH * np.stack([-np.sin(line[:, 2]), np.cos(line[:, 2])], axis=1)
    outline = np.concatenate([line[:, :2] + side, (line[:, :2] - side)[::-1]])
    low = np.array([-LEAD, min(0.0, y) - PAD]) - ABSORBER
    high = np.array([x + PAD, y + LEAD] if is_turned else [x + LEAD, max(0.0, y) + PAD]) + ABSORBER
    middle = 0.5 * (low + high)

    def at(u: float, v: float) -> Any:
        return mp.Vector3(u - middle[0], v - middle[1])

    across, upright = mp.Vector3(0.0, 2.0 * PAD), mp.Vector3(2.0 * PAD, 0.0)
    mode = {"eig_parity": mp.EVEN_Z, "direction": mp.NO_DIRECTION}
    source = mp.EigenModeSource(
        mp.GaussianSource(1.0 / WL, fwidth=0.1 / WL),
        center=at(0.1 - LEAD, 0.0),
        size=across,
        eig_kpoint=mp.Vector3(1.0),
        eig_band=1,
        **mode,
    )
    simulation = mp.Simulation(
        cell_size=mp.Vector3(*(np.ceil((high - low) * resolution) / resolution)),
        resolution=resolution,
        geometry=[mp.Prism([at(*each) for each in outline], mp.inf, material=mp.Medium(index=film_index()))],
        sources=[source],
        boundary_layers=[mp.PML(ABSORBER)],
        default_material=mp.Medium(index=SILICA),
    )
    before = simulation.add_mode_monitor(1.0 / WL, 0, 1, mp.ModeRegion(center=at(0.5 - LEAD, 0.0), size=across))
    if is_turned:
        region = mp.ModeRegion(center=at(x, y + LEAD - 0.4), size=upright, direction=mp.Y)
    else:
        region = mp.ModeRegion(center=at(x + LEAD - 0.4, y), size=across)
    behind = simulation.add_mode_monitor(1.0 / WL, 0, 1, region)
    simulation.run(until_after_sources=mp.stop_when_dft_decayed(1e-8, 0, 400))

    def amplitudes(monitor: Any, toward: Any) -> np.ndarray:
        found = simulation.get_eigenmode_coefficients(monitor, [1], kpoint_func=lambda f, n: toward, **mode)
        return np.abs(found.alpha[0, 0]) ** 2

    forward, back = amplitudes(before, mp.Vector3(1.0))
    through = amplitudes(behind, mp.Vector3(0.0, 1.0) if is_turned else mp.Vector3(1.0))[0]
    part = float(through / forward)
    return {"T": part, "loss_mdb": -1e4 * float(np.log10(part)), "reflected": float(back / forward)}


def main(path: str, resolution: int) -> None:
    """Print what passes each bend of a JSON file, an object a line."""
    mp.verbosity(0)
    with open(path, encoding="utf-8") as file:
        bends = json.load(file)
    for name, each in bends.items():
        print(json.dumps({"name": name, **passed(each, resolution)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
