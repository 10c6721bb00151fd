"""A silicon resonance that its own light moves and damps: two photons, carriers, Kerr effect and heat.

With the amplitude a of `Resonator` (|a|^2 = U in fJ), N pairs of carriers in um^-3 (1 um^-3 is 1e12 cm^-3) and the
parts T_p of the temperature of a thermal impedance,

    da/dt   = (2 pi i (d - s) - 1/tau - (g U + gamma_c(N)) / 2) a + i mu s_in
    dN/dt   = y g U^2 - N / tau_c
    dT_p/dt = (R_p q - T_p) / t_p,      q = (h 2/tau_l + g U + gamma_c(N)) U
    s       = k U + s_c(N) + s_T (T_1 + ... + T_P)

where d is the frequency of the laser less that of the cold resonance and s the shift of the resonance, in THz. Of the
energy, g U is lost to two photons, gamma_c(N) to carriers, and 2/tau_l to all linear loss, of which the share h heats.

* Two photons: silicon of index n takes dI/dz = -beta I^2, and I = c U / (n_g V), so that g = G beta c^2 / (n_g^2 V).
* A pair takes the energy of two photons, so that y = 1 / (2 h nu V_c), in pairs per um^3 and fJ. V_c is the volume in
  which they count; papers that write G_c beta c^2 U^2 / (2 h nu n_g^2 V_FCA^2) have 1 / V_c = G_c V / (G V_FCA^2).
* All that is absorbed heats at once. In truth some 1.1 of the 1.6 eV of a pair come when it recombines, tau_c later,
  which is little against the times of heat.

The equations are those of T. J. Johnson, M. Borselli and O. Painter, Opt. Express 14, 817 (2006), as the public program
of M. de Cea, A. H. Atabaki and R. J. Ram, Opt. Express 27, 24274 (2019), has them (second hand), with the Kerr effect
and a thermal impedance of several parts instead of one; two-photon loss and generation were derived again as above.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.devices.carrier_effects import SILICON_INDEX, CarrierEffects, LinearCarriers
from photonics_core.devices.resonator import TURN, Resonator, as_complex
from photonics_core.devices.resonator_states import (
    SteadyStates,
    all_states,
    closed_detunings,
    curve_folds,
)
from photonics_core.devices.resonator_steps import driven, followed
from photonics_core.devices.resonator_trajectory import ResonatorState, ResonatorTrajectory
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.stiff_steps import load_diffrax
from photonics_core.runtime import as_leaf
from photonics_core.thermal_impedance import ThermalImpedance
from photonics_core.units import SPEED_OF_LIGHT

#: Planck's constant in fJ ps.
PLANCK = 6.62607015e-7
#: Wavelengths in um at which silicon is clear and two photons together are absorbed.
TWO_PHOTON_WL = (1.2, 2.2)


class NonlinearResonator(Shown):
    """A resonator with two-photon absorption, free carriers, Kerr effect and self-heating. Each may be left out.

    Args:
        resonator: the cold resonator.
        two_photon_loss: g, rate at which energy is lost per stored energy, in 1/(ps fJ).
        carrier_yield: y in 1/(um^3 fJ).
        carrier_time: tau_c in ps.
        carriers: what carriers do, `LinearCarriers` or `SiliconCarriers`.
        kerr_shift: k in THz/fJ; below zero where the index rises with light.
        thermal_shift: s_T in THz/K; below zero where the index rises with temperature.
        absorbed_share: h, the share of the linear loss that is absorbed and heats; the rest is scattered.
        impedance: thermal impedance from the heat in the core to the temperature that the light sees.

    Raises:
        ValueError: for a part of another kind, or a number out of its range.
    """

    resonator: Resonator
    two_photon_loss: Any = eqx.field(converter=as_leaf, default=0.0)
    carrier_yield: Any = eqx.field(converter=as_leaf, default=0.0)
    carrier_time: Any = eqx.field(converter=as_leaf, default=1000.0)
    carriers: CarrierEffects = eqx.field(default_factory=LinearCarriers)
    kerr_shift: Any = eqx.field(converter=as_leaf, default=0.0)
    thermal_shift: Any = eqx.field(converter=as_leaf, default=0.0)
    absorbed_share: Any = eqx.field(converter=as_leaf, default=1.0)
    impedance: ThermalImpedance = eqx.field(default_factory=lambda: ThermalImpedance(0.0, 1e5))

    def __check_init__(self) -> None:
        check_kind("resonator", self.resonator, Resonator)
        check_kind("impedance", self.impedance, ThermalImpedance)
        check_range("two_photon_loss", self.two_photon_loss, 0.0, np.inf, "1/(ps fJ)")
        check_range("carrier_yield", self.carrier_yield, 0.0, np.inf, "1/(um^3 fJ)")
        check_positive("carrier_time", self.carrier_time, "ps")
        check_finite("kerr_shift", self.kerr_shift, "THz/fJ")
        check_finite("thermal_shift", self.thermal_shift, "THz/K")
        check_range("absorbed_share", self.absorbed_share, 0.0, 1.0)

    @classmethod
    def of_silicon(
        cls,
        resonator: Resonator,
        wl: Any,
        n_g: Any,
        volume: Any,
        impedance: ThermalImpedance,
        *,
        carrier_volume: Any = None,
        kerr_volume: Any = None,
        confinement: Any = 1.0,
        carrier_time: Any = 1000.0,
        carriers: CarrierEffects | None = None,
        absorbed_share: Any = 1.0,
        beta: Any = 8.4e-9,
        carrier_cross_section: Any = 1.45e-9,
        carrier_index: Any = -1.73e-9,
        kerr_index: Any = 4.5e-9,
        thermo_optic: Any = 1.86e-4,
        silicon_index: Any = SILICON_INDEX,
    ) -> "NonlinearResonator":
        """A resonance of silicon at `wl` in um, from constants of the material and volumes of the mode.

        The constants are of 1.5 to 1.55 um. beta, thermo_optic: public program of de Cea et al. (2019). kerr_index:
        public program after L. Zhang et al., Phys. Rev. A 87, 053805 (2013). Cross-section of carriers: as several
        public programs have it. carrier_index: after T. Van Vaerenbergh et al., Opt. Express 20, 20292 (2012), recalled
        and not checked. All of these are second hand.

        Args:
            resonator: the cold resonator.
            wl: free-space wavelength in um.
            n_g: group index of the mode.
            volume: effective volume of two-photon absorption in um^3, as papers have it beside c / n_g.
            impedance: thermal impedance.
            carrier_volume: volume over which pairs spread in um^3; None for `volume`.
            kerr_volume: effective volume of the Kerr effect in um^3; None for `volume`.
            confinement: share of the mode's energy in silicon.
            carrier_time: lifetime of carriers in ps.
            carriers: None for linear effects of the constants below.
            absorbed_share: share of the linear loss that heats.
            beta: coefficient of two-photon absorption in um/mW (8.4e-9 um/mW is 0.84 cm/GW).
            carrier_cross_section: absorption per pair in um^2 (1.45e-9 um^2 is 1.45e-17 cm^2).
            carrier_index: change of the index per density of pairs in um^3.
            kerr_index: change of the index per intensity in um^2/mW.
            thermo_optic: dn/dT in 1/K.
            silicon_index: index of silicon.

        Raises:
            ValueError: for a wavelength outside [1.2, 2.2] um, an index or volume not above zero, or a bad part.
        """
        volumes = {"volume": volume, "carrier_volume": carrier_volume, "kerr_volume": kerr_volume}
        for name, value in volumes.items():
            check_positive(name, volume if value is None else value, "um^3")
        check_range("wl", wl, *TWO_PHOTON_WL, "um")
        for name, value in (("n_g", n_g), ("silicon_index", silicon_index)):
            check_positive(name, value)
        check_range("confinement", confinement, 0.0, 1.0)
        carrier_volume, kerr_volume = (volume if each is None else each for each in (carrier_volume, kerr_volume))
        light = SPEED_OF_LIGHT / n_g
        # A change dn of silicon moves the resonance by -pull dn.
        pull = confinement * SPEED_OF_LIGHT / (wl * silicon_index)
        if carriers is None:
            # Energy in silicon moves through it at c / n, whatever the group index of the mode.
            lost = confinement * carrier_cross_section * SPEED_OF_LIGHT / silicon_index
            carriers = LinearCarriers(lost, -pull * carrier_index)
        return cls(
            resonator,
            confinement * beta * light**2 / volume,
            1.0 / (2.0 * PLANCK * SPEED_OF_LIGHT / wl * carrier_volume),
            carrier_time,
            carriers,
            -pull * kerr_index * light / kerr_volume,
            -pull * thermo_optic,
            absorbed_share,
            impedance,
        )

    def absorbed_power(self, energy: Any, carriers: Any) -> jax.Array:
        """Heat q in mW with an energy in fJ inside and a density of pairs in um^-3."""
        energy = jnp.asarray(energy)
        linear = 2.0 * jnp.asarray(self.absorbed_share) / jnp.asarray(self.resonator.loss_time)
        return (linear.astype(energy.dtype) + self.nonlinear_rate(energy, jnp.asarray(carriers))) * energy

    def nonlinear_rate(self, energy: jax.Array, carriers: jax.Array) -> jax.Array:
        """Rate in 1/ps at which energy is lost to two photons and to carriers."""
        return jnp.asarray(self.two_photon_loss, energy.dtype) * energy + self.carriers.loss_rate(carriers)

    def shift(self, energy: jax.Array, carriers: jax.Array, temperature: jax.Array) -> jax.Array:
        """Shift s of the resonance in THz, with the temperature rise in K."""
        kerr = jnp.asarray(self.kerr_shift, energy.dtype) * energy
        return kerr + self.carriers.shift(carriers) + jnp.asarray(self.thermal_shift, energy.dtype) * temperature

    def settled(self, energy: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Carriers in um^-3 and heat in mW that a lasting energy in fJ leads to."""
        carriers = jnp.asarray(self.carrier_time, energy.dtype) * self._made(energy)
        return carriers, self.absorbed_power(energy, carriers)

    def derivative(self, state: ResonatorState, detuning: Any, source: Any) -> ResonatorState:
        """Rates of change of all states for a laser at `detuning` in THz and of amplitude `source` in sqrt(mW)."""
        amplitude, carriers, heat = state
        energy = amplitude.real**2 + amplitude.imag**2
        field, lost, cooled = self.decay(state, detuning)
        driven = 1j * self.coupling(amplitude) * jnp.asarray(source).astype(amplitude.dtype)
        speed = jnp.asarray(self.impedance.resistance, energy.dtype) * -cooled
        return ResonatorState(
            field * amplitude + driven,
            self._made(energy) + lost * carriers,
            speed * self.absorbed_power(energy, carriers)[..., None] + cooled * heat,
        )

    def decay(self, state: ResonatorState, detuning: Any) -> ResonatorState:
        """Rates in 1/ps at which each state would decay, and the field turn, if all others stood still."""
        amplitude, carriers, heat = state
        energy = amplitude.real**2 + amplitude.imag**2
        moved = jnp.asarray(detuning, energy.dtype) - self.shift(energy, carriers, jnp.sum(heat, axis=-1))
        rate = jnp.asarray(self.resonator.rate, energy.dtype) + 0.5 * self.nonlinear_rate(energy, carriers)
        return ResonatorState(
            lax.complex(-rate, TURN * moved),
            -1.0 / jnp.asarray(self.carrier_time, energy.dtype),
            -1.0 / jnp.asarray(self.impedance.time, energy.dtype),
        )

    def drive(self, detuning: Any, step: Any, source: Any = 1.0, start: Any = None) -> ResonatorTrajectory:
        """What happens while the laser moves, by equal steps that follow the field; see `exponential_steps`.

        For long times in which the field only follows heat and carriers, `follow` takes fewer steps.

        Args:
            detuning: d in THz at equal steps, shape [K]; a batch of resonators goes through `jax.vmap`.
            step: time between samples in ps. The error falls with its fourth power; steps shall be some tenth of
                tau and of 1/s, and less than that of tau_c.
            source: amplitude in sqrt(mW), shape [K] or a number.
            start: a `ResonatorState`; None for an empty, cold resonator.

        Raises:
            ValueError: for fewer than two samples, a shape other than [K], or values that are not finite.
        """
        check_positive("step", step, "ps")
        if np.ndim(step):
            raise ValueError(f"step of shape {np.shape(step)} is not one number")
        check_finite("detuning", detuning, "THz")
        detuning = jnp.asarray(detuning, jnp.result_type(float))
        source = as_complex(source, detuning.dtype)
        if detuning.ndim != 1 or detuning.size < 2:
            raise ValueError(f"detuning of shape {detuning.shape} is not [K] with two samples or more")
        if source.shape not in ((), detuning.shape):
            raise ValueError(f"source of shape {source.shape} does not go with detuning of shape {detuning.shape}")
        return driven(self, detuning, step, jnp.broadcast_to(source, detuning.shape), self.state(start))

    def follow(
        self,
        times: Any,
        detuning: Any,
        source: Any = 1.0,
        start: Any = None,
        *,
        rtol: float = 1e-6,
        atol: float = 1e-8,
    ) -> ResonatorTrajectory:
        """What happens over long times, as in slow sweeps, by implicit steps of the length that the error allows.

        Needs the optional library diffrax, and float64 where the times are above some 1e5 ps.

        Args:
            times: rising, in ps, shape [K].
            detuning: d in THz at these times, shape [K], or a number; straight lines between them.
            source: amplitude in sqrt(mW), shape [K], or a number.
            start: a `ResonatorState`; None for an empty, cold resonator.
            rtol: error of a step over the state.
            atol: error of a step over the largest that the state could be on resonance.

        Raises:
            ImportError: where diffrax is missing.
            ValueError: for times that do not rise, shapes other than [K], values that are not finite, or tolerances
                that are not above zero.
        """
        load_diffrax()
        check_finite("times", times, "ps")
        check_finite("detuning", detuning, "THz")
        times = jnp.asarray(times, jnp.result_type(float))
        if times.ndim != 1 or times.size < 2:
            raise ValueError(f"times of shape {times.shape} is not [K] with two times or more")
        still = times[1:] <= times[:-1]
        if is_concrete(still) and np.any(still):
            at = int(np.argmax(still))
            raise ValueError(f"times that do not rise cannot be followed: {times[at]:g} and then {times[at + 1]:g} ps")
        check_positive("rtol", rtol)
        check_positive("atol", atol)
        source, detuning = as_complex(source, times.dtype), jnp.asarray(detuning, times.dtype)
        for name, value in (("detuning", detuning), ("source", source)):
            if value.shape not in ((), times.shape):
                raise ValueError(f"{name} of shape {value.shape} does not go with times of shape {times.shape}")
        source, detuning = (jnp.broadcast_to(each, times.shape) for each in (source, detuning))
        tolerances = jnp.asarray(rtol, times.dtype), jnp.asarray(atol, times.dtype)
        return followed(self, times, detuning, source, self.state(start), *tolerances)

    def steady_states(self, detuning: Any, power: Any) -> SteadyStates:
        """All steady states and the stability of each, for lasers at `detuning` in THz, of `power` in mW.

        The two broadcast; a batch of resonators goes through `jax.vmap`. Derivatives, first and second, are those of
        each state where it is; at a fold, to some 1e-14 of the detuning in float64, they are infinite and given as 0.
        On stability in float32: rates below some 1e-7 of the
        fastest, as those of heat, are lost in rounding; use float64.

        Raises:
            ValueError: for a power below zero, or values that are not finite.
        """
        check_finite("detuning", detuning, "THz")
        check_range("power", power, 0.0, np.inf, "mW")
        real = jnp.result_type(float)
        return all_states(self, *jnp.broadcast_arrays(jnp.asarray(detuning, real), jnp.asarray(power, real)))

    def folds(self, power: Any) -> tuple[jax.Array, jax.Array]:
        """Where two steady states meet and end: detunings in THz and energies in fJ at `power` in mW.

        Returns:
            Two arrays of shape [..., 6] in the order of the curve of states, NaN where there are fewer. First and
            second derivatives are those of the folds.

        Raises:
            ValueError: for a power that is not above zero.
        """
        check_positive("power", power, "mW")
        return curve_folds(self, jnp.asarray(power, jnp.result_type(float)))

    def detunings(self, energy: Any, power: Any) -> jax.Array:
        """The two detunings in THz at which `energy` in fJ is a steady state at `power` in mW, in closed form.

        Returns:
            Shape [..., 2], NaN where the power does not suffice for this energy.

        Raises:
            ValueError: for an energy that is not above zero, or a power below zero.
        """
        check_positive("energy", energy, "fJ")
        check_range("power", power, 0.0, np.inf, "mW")
        real = jnp.result_type(float)
        return closed_detunings(self, *jnp.broadcast_arrays(jnp.asarray(energy, real), jnp.asarray(power, real)))

    def state(self, start: Any = None) -> ResonatorState:
        """A state as arrays; None for an empty, cold resonator.

        Raises:
            ValueError: for a temperature of other parts than those of the impedance.
        """
        real = jnp.result_type(float)
        if start is None:
            start = ResonatorState(0.0, 0.0, np.zeros(np.shape(self.impedance.time)))
        if np.shape(start.heat) != np.shape(self.impedance.time):
            shapes = f"{np.shape(start.heat)} does not go with the {np.shape(self.impedance.time)[-1]} parts"
            raise ValueError(f"heat of shape {shapes} of the impedance")
        amplitude = as_complex(start.amplitude, real)
        return ResonatorState(amplitude, jnp.asarray(start.carriers, real), jnp.asarray(start.heat, real))

    def through(self, amplitude: jax.Array, source: jax.Array) -> jax.Array:
        """Amplitude through in sqrt(mW)."""
        return source + 1j * self.coupling(amplitude) * amplitude

    def coupling(self, like: jax.Array) -> jax.Array:
        """mu in 1/sqrt(ps), of the type of `like`."""
        return jnp.sqrt(2.0 / jnp.asarray(self.resonator.input_time)).astype(like.dtype)

    def _made(self, energy: jax.Array) -> jax.Array:
        """Pairs that are made, in 1/(um^3 ps)."""
        made = jnp.asarray(self.carrier_yield, energy.dtype) * jnp.asarray(self.two_photon_loss, energy.dtype)
        return made * energy**2
