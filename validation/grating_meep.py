"""The uniform grating of `grating_coupler` by Meep, finite differences in time; run by a Python that has it.

    python grating_meep.py RESULT.npz RESOLUTION

writes wavelengths, powers up and down and back, and the field on a plane above. Nothing of this package is used.
"""

import sys
import time
from typing import Any

import meep  # pyright: ignore[reportMissingImports]
import numpy as np

mp: Any = meep

PERIOD, FILL, PERIODS, ETCH, THICKNESS, OXIDE = 0.63, 0.5, 20, 0.07, 0.22, 2.0
SILICON, SILICA = 3.476, 1.444
WL = np.linspace(1.54, 1.58, 5)
HEIGHT = 0.6
PAD, ABSORBER, BELOW, ABOVE = 3.0, 0.6, 0.2, 0.7
LENGTH = PERIODS * PERIOD - PERIOD * FILL
X = (-PAD, LENGTH + PAD)
Z = (-THICKNESS - OXIDE - BELOW, ABOVE)


def at(x: float, z: float) -> Any:
    """A point, the middle of the cell being the origin."""
    return mp.Vector3(x - 0.5 * sum(X), z - 0.5 * sum(Z))


def block(bottom: float, top: float, index: float, left: float = -1e3, right: float = 1e3) -> Any:
    """A rectangle of a medium."""
    size = mp.Vector3(right - left, top - bottom, mp.inf)
    return mp.Block(size, center=at(0.5 * (left + right), 0.5 * (bottom + top)), material=mp.Medium(index=index))


def simulation(geometry: list[Any], resolution: int) -> Any:
    """A pulse in the guide's mode, E along y."""
    source = mp.EigenModeSource(
        mp.GaussianSource(1.0 / 1.56, fwidth=0.08),
        center=at(X[0] + 0.5, -0.5 * THICKNESS),
        size=mp.Vector3(0, 1.6),
        eig_band=1,
        eig_parity=mp.ODD_Z,
        eig_match_freq=True,
        direction=mp.X,
    )
    size = mp.Vector3(X[1] - X[0] + 2 * ABSORBER, Z[1] - Z[0] + 2 * ABSORBER)
    return mp.Simulation(size, resolution, geometry=geometry, sources=[source], boundary_layers=[mp.PML(ABSORBER)])


def amplitudes(sim: Any, until: Any) -> np.ndarray:
    """Mode amplitudes before the grating, [wavelengths, directions]."""
    region = mp.ModeRegion(center=at(-0.5, -0.5 * THICKNESS), size=mp.Vector3(0, 1.6))
    monitor = sim.add_mode_monitor(list(1.0 / WL), region)
    sim.run(until_after_sources=until)
    return sim.get_eigenmode_coefficients(monitor, [1], eig_parity=mp.ODD_Z).alpha[0]


def main(path: str, resolution: int) -> None:
    """Run without and with the grating and save."""
    start = time.time()
    film = [
        block(-50.0, -THICKNESS - OXIDE, SILICON),
        block(-THICKNESS - OXIDE, -THICKNESS, SILICA),
        block(-THICKNESS, 0.0, SILICON),
    ]
    power = np.abs(amplitudes(simulation(film, resolution), 40)[:, 0]) ** 2
    trenches = [block(-ETCH, 0.0, 1.0, i * PERIOD, (i + 1 - FILL) * PERIOD) for i in range(PERIODS)]
    sim = simulation(film + trenches, resolution)
    middle, width = 0.5 * (X[0] + 1.0 + X[1]), mp.Vector3(X[1] - X[0] - 1.0)
    fluxes = [
        sim.add_flux(list(1.0 / WL), mp.FluxRegion(center=at(middle, z), size=width, direction=mp.Y))
        for z in (HEIGHT, -THICKNESS - OXIDE)
    ]
    fields = sim.add_dft_fields([mp.Ez, mp.Hx], list(1.0 / WL), center=at(middle, HEIGHT), size=width)
    settled = mp.stop_when_fields_decayed(30, mp.Ez, at(0.5 * LENGTH, HEIGHT), 1e-5)
    found = amplitudes(sim, settled)
    up, down = (np.array(mp.get_fluxes(each)) / power for each in fluxes)
    electric, magnetic = (
        np.array([sim.get_dft_array(fields, part, k) for k in range(WL.size)]) for part in (mp.Ez, mp.Hx)
    )
    x = np.array(sim.get_array_metadata(dft_cell=fields)[0])[: electric.shape[1]] + 0.5 * sum(X)
    back = np.abs(found[:, 1] / found[:, 0]) ** 2
    # Meep's fields go as exp(-i w t), so that dE/dz = i k0 H along x.
    slope = 2j * np.pi / WL[:, None] * magnetic
    seconds = time.time() - start
    np.savez(path, wl=WL, x=x, value=electric, slope=slope, up=up, down=-down, back=back, seconds=seconds)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
