"""Cases of the subject "gratings": closed forms, a cascade of index steps, and measured silicon gratings."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.grating import BraggGrating
from photonics_core.index import LinearIndex
from photonics_core.kernels.transfer_matrix import star_chain
from photonics_core.spectra import read_spectrum
from photonics_core.validation.data import openebl
from photonics_core.validation.registry import Evidence, case

ERDOGAN = "Erdogan, J. Lightwave Technol. 15, 1277 (1997), Eqs. 16-18"
SOURCE = "openEBL-2024-10 spectra (SiEPIC, MIT)"
INDEX = LinearIndex(n_eff=2.433, n_g=4.18, wl0=1.547)
WL = np.linspace(1.537, 1.557, 801)


@case("gratings.uniform_closed_form", source=ERDOGAN, kind="analytic")
def uniform_closed_form() -> Evidence:
    """Largest difference of the reflected power from sinh^2 / (cosh^2 - delta^2 / kappa^2), 500 periods."""
    grating = BraggGrating(INDEX, (500,), 0.318, 0.02)
    detuning = 2 * np.pi * np.asarray(INDEX.effective_index(WL)) / WL - np.pi / 0.318
    s = np.sqrt(0.02**2 - detuning**2 + 0j)
    closed = 0.02**2 * np.sinh(s * 159) ** 2 / (s**2 * np.cosh(s * 159) ** 2 + detuning**2 * np.sinh(s * 159) ** 2)
    return Evidence(float(np.max(np.abs(np.abs(grating.reflection(WL)) ** 2 - closed))), 0.0, 1e-12)


@case(
    "gratings.cascade_of_sections",
    source="a uniform grating cut in 50 parts is the same grating",
    kind="analytic",
    is_long=True,
)
def cascade_of_sections() -> Evidence:
    """Largest difference of amplitudes between one section and fifty."""
    whole, cut = BraggGrating(INDEX, (500,), 0.318, 0.02), BraggGrating(INDEX, (10,) * 50, 0.318, 0.02)
    difference = jnp.max(jnp.abs(whole.scattering(WL).values - cut.scattering(WL).values))
    return Evidence(float(difference), 0.0, 1e-8)


@case("gratings.cascade_of_index_steps", source="coupling 2 dn / wl of a rectangular corrugation", kind="analytic")
def cascade_of_index_steps() -> Evidence:
    """Largest difference of reflected power from a cascade of 1000 index steps, dn = 0.01 (first-order theory)."""
    dn, n, half = 0.01, 2.433, 0.159
    index = LinearIndex(n, n, 1.547)
    bragg = 2.0 * n * 2.0 * half
    grating = BraggGrating(index, (500,), 2.0 * half, 2.0 * dn / bragg)
    steps = np.abs(_index_steps(n - dn / 2, n + dn / 2, half, 500)[..., 0, 0]) ** 2
    return Evidence(float(np.max(np.abs(np.abs(grating.reflection(WL)) ** 2 - steps))), 0.0, 1e-4)


@case("gratings.unitary_apodised_chirped", source="conservation of power", kind="analytic")
def unitary_apodised_chirped() -> Evidence:
    """Largest |S^H S - 1| of an apodised and of a chirped grating."""
    apodised = BraggGrating.apodised(INDEX, 1000, 0.318, 0.03, lambda x: np.exp(-4 * x**2), 40)
    chirped = BraggGrating.chirped(INDEX, 1000, 0.317, 0.319, 0.03, 40)
    residuals = [float(g.scattering(WL).unitarity_residual()) for g in (apodised, chirped)]
    return Evidence(float(np.max(residuals)), 0.0, 1e-12)


@case("gratings.quarter_wave_shift", source="a shift by half a period opens a resonance", kind="analytic", is_long=True)
def quarter_wave_shift() -> Evidence:
    """Power transmitted at the Bragg wavelength by a grating of 500 periods with a jump of pi in its middle."""
    grating = BraggGrating.phase_shifted(INDEX, 500, 0.318, 0.02)
    wl = grating.bragg_wavelength(1.55)
    return Evidence(float(jnp.abs(grating.transmission(wl[None])[0]) ** 2), 1.0, 1e-9)


@case("gratings.measured_period_slope", source=SOURCE, kind="measured")
def measured_period_slope() -> Evidence:
    """Bragg wavelength against period from 313 to 323 nm, nm/nm."""
    low, high = (_centre(f"si_bragg_1000n_period{period}_dw20.mat") for period in (313, 323))
    return Evidence((high - low) / 0.010, 2.832, 0.03 * 2.832, "nm/nm")


@case("gratings.period_slope_from_rings", source=SOURCE, kind="measured")
def period_slope_from_rings() -> Evidence:
    """The same slope from theory, (wl / period)(n_eff / n_g), with n_g of rings and n_eff of one grating alone."""
    centre = _centre("si_bragg_1000n_period318_dw20.mat")
    index = LinearIndex(n_eff=centre / 0.636, n_g=4.182, wl0=centre)
    slope = jax.grad(lambda period: BraggGrating(index, (1000,), period, 0.02).bragg_wavelength(1.55))(0.318)
    return Evidence(float(slope), 2.832, 0.02 * 2.832, "nm/nm")


@case("gratings.measured_band_is_linear", source=SOURCE, kind="measured")
def measured_band_is_linear() -> Evidence:
    """Ratio of the stop bands at corrugations of 40 and 10 nm; coupling proportional to corrugation gives about 4.

    It ends there: at 150 nm the measured band is 5 nm where proportionality would give 60, for lithography smooths
    teeth of 159 nm, and no coupled-mode theory of the drawn shape predicts that.
    """
    bands = [np.ptp(_stop_band(f"si_bragg_500n_period318_dw{dw}.mat")) for dw in (40, 10)]
    return Evidence(float(bands[0] / bands[1]), 13.5 / 3.24, 0.1 * 13.5 / 3.24)


def _index_steps(low: float, high: float, half: float, periods: int) -> np.ndarray:
    """Scattering of `periods` pairs of layers, seen from the low index; amplitudes normalised to power."""
    r = (low - high) / (low + high)
    t = np.sqrt(1 - r**2)
    up, down = np.array([[r, t], [t, -r]], complex), np.array([[-r, t], [t, r]], complex)
    hop = [np.exp(2j * np.pi * n * half / WL)[:, None, None] * np.array([[0, 1], [1, 0]]) for n in (low, high)]
    cell = [jnp.asarray(np.broadcast_to(part, (WL.size, 2, 2))) for part in (hop[0], up, hop[1], down)]
    one = star_chain(jnp.stack(cell))
    return np.asarray(star_chain(jnp.broadcast_to(one[None], (periods, *one.shape))))


def _centre(name: str) -> float:
    return float(np.mean(_stop_band(name)))


@functools.cache
def _stop_band(name: str) -> tuple[float, float]:
    """Wavelengths in um at which the through port falls 3 dB below its envelope, on both sides of the stop band."""
    spectrum = read_spectrum(openebl(name)[0])
    inside = (spectrum.wl > 1.515) & (spectrum.wl < 1.579)
    wl = spectrum.wl[inside]
    level = np.convolve(spectrum.channel("channel_2"), np.full(101, 1 / 101), "same")[inside]
    x, kept = (wl - 1.547) / 0.03, np.ones(wl.size, bool)
    for _ in range(30):  # the envelope is a cubic through what does not lie below it
        below = level - np.polyval(np.polyfit(x[kept], level[kept], 3), x)
        kept = below > -1.0
    dips = np.flatnonzero(below < -3.0)
    band = max(np.split(dips, np.flatnonzero(np.diff(dips) > 150) + 1), key=len)
    return float(wl[band[0]]), float(wl[band[-1]])
