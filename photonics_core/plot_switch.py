"""Figures of switch fabrics, of arrays: where the light of each input goes, and what paths lose over wavelength."""

from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.kernels.checks import check_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Maps of up to so many ports have numbers in their cells.
MOST_NUMBERED = 12


def transfer_map(ax: "Axes", powers: Any, permutation: Any, *, floor_db: float = -60.0) -> Any:
    """Draw power from all inputs to all outputs in dB as a map, with frames around the paths; give the image.

    Args:
        ax: the axes.
        powers: power out over power in, shape [N outputs, N inputs].
        permutation: output of each input, from 0 on, -1 for an idle one, shape [N].
        floor_db: least of the scale in dB.

    Raises:
        ValueError: for something else than a square of powers from 0 to 1, or another number of inputs.
    """
    powers, permutation = np.asarray(powers), np.asarray(permutation)
    count = len(powers)
    if powers.shape != (count, count) or permutation.shape != (count,):
        raise ValueError(f"powers of shape {powers.shape} does not go with permutation of shape {permutation.shape}")
    # In single precision products of many matrices are unitary to some 1e-5.
    check_range("powers", powers, 0.0, 1.0 + 1e-4)
    decibels = 10.0 * np.log10(np.maximum(powers, 1e-30))
    last = count + 0.5
    image = ax.imshow(decibels, cmap="viridis", vmin=floor_db, vmax=0.0, extent=(0.5, last, last, 0.5))
    if count <= MOST_NUMBERED:
        for o, i in np.ndindex(count, count):
            text = f"{decibels[o, i]:.0f}" if decibels[o, i] >= floor_db else f"<{floor_db:.0f}"
            color = "white" if decibels[o, i] < 0.35 * floor_db else "black"
            text = "0" if text == "-0" else text
            ax.text(i + 1, o + 1, text, ha="center", va="center", color=color, fontsize="x-small")
    for i, o in enumerate(permutation):
        if o >= 0:
            corners = np.array([0.5, 1.5, 1.5, 0.5, 0.5]), np.array([0.5, 0.5, 1.5, 1.5, 0.5])
            ax.plot(i + corners[0], o + corners[1], color="tab:red", linewidth=1.4, clip_on=False)
    ax.grid(visible=False)
    ax.set_xlim(0.5, last)
    ax.set_ylim(last, 0.5)
    ax.set_xticks(np.arange(1, count + 1))
    ax.set_yticks(np.arange(1, count + 1))
    ax.set_xlabel("input")
    ax.set_ylabel("output")
    ax.figure.colorbar(image, ax=ax, label="power (dB)")
    return image


def path_spectra(ax: "Axes", wl: Any, loss_db: Any, stray_db: Any = None) -> None:
    """Draw insertion loss of all paths over wavelength in nm, and beside it the stray power at the outputs.

    Args:
        ax: the axes.
        wl: wavelengths in um, shape [W].
        loss_db: loss of each path in dB, shape [W, N].
        stray_db: power of all other inputs over the signal at each output in dB, shape [W, N]; None for none.

    Raises:
        ValueError: for shapes that do not go together.
    """
    wl = np.asarray(wl)
    for name, values in (("loss_db", loss_db), ("stray_db", stray_db)):
        if values is not None and (np.ndim(values) != 2 or np.shape(values)[0] != wl.size):
            raise ValueError(f"{name} of shape {np.shape(values)} does not go with {wl.size} wavelengths")
    for k, loss in enumerate(np.asarray(loss_db).T):
        ax.plot(1e3 * wl, -loss, color="tab:blue", linewidth=0.9, label="paths" if k == 0 else None)
    for k, stray in enumerate([] if stray_db is None else np.asarray(stray_db).T):
        label = "stray light over signal" if k == 0 else None
        ax.plot(1e3 * wl, stray, color="tab:orange", linewidth=0.9, label=label)
    ax.set_xlabel("wavelength (nm)")
    ax.set_ylabel("power (dB)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.88))
