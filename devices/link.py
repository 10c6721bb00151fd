"""A wavelength-division link: laser lines, ring modulators, fibre, ring filters, detectors; NRZ or PAM4.

    laser -> split to fibres -> joint -> modulators -> joint -> fibre -> joint -> filters -> detectors

The optical chain is static (`photonics_core.devices.wdm`), the error ratio counts all other rings as independent
disturbances, and speed enters as intersymbol interference of one pole (`photonics_core.devices.link_budget`). All
heaters hold their rings on the laser lines at every temperature.

Left out: chromatic dispersion, which at 1.31 um and up to 2 km shifts the edges of the spectrum of 56 GBd by less than
a tenth of a symbol against each other; reflections and the beat of light that takes two ways (a filter that leaks by
-30 dB leaks power, not field, where lines differ by more than the detector's bandwidth); jitter; and what neighbouring
rings do during their edges, more than in their steady states (`photonics_core.devices.wdm_dynamics`).
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.detector import BANDWIDTHS, Receiver
from photonics_core.devices.laser import CombLaser, LaserArray
from photonics_core.devices.link_budget import ReceivedSignals, penalties_db, received_signals
from photonics_core.devices.link_lock import largest_error
from photonics_core.devices.link_noise import level_rin_db_hz, modulator_rin
from photonics_core.devices.polarization_receiver import PolarizationDiverseReceiver
from photonics_core.devices.transmitter import RingTransmitter
from photonics_core.devices.wdm import ChannelPowers, RingReceiver, channel_powers
from photonics_core.display import Shown
from photonics_core.error_correction import ReedSolomon
from photonics_core.kernels.checks import (
    check_choice,
    check_kind,
    check_positive,
    check_range,
    check_temperature,
    is_concrete,
)
from photonics_core.power_budget import LOSSES
from photonics_core.runtime import as_leaf
from photonics_core.scattering import power
from photonics_core.units import REFERENCE_TEMPERATURE, SPEED_OF_LIGHT, db, frequency, power_ratio

#: Kinds of lasers and of receiving optics that a link takes.
LASERS, RECEIVERS = (LaserArray, CombLaser), (RingReceiver, PolarizationDiverseReceiver)
#: Arguments of a link that are one number, or none.
_NUMBERS = (
    "symbol_rate_gbd",
    "log10_target",
    "length_m",
    "attenuation_db_km",
    "modulator_bandwidth",
    "laser_temperature",
    "receiver_temperature",
)
#: Attenuation of standard single-mode fibre at 1310 nm in dB/km, upper bound of ITU-T G.652.D (from memory).
FIBRE_LOSS_DB_KM = 0.4


class WdmLink(Shown):
    """One fibre's worth of a wavelength-division link, in one direction.

    Args:
        laser: the lines, as many as modulators; each of its fibres feeds a link like this one.
        transmitter: the ring modulators. Its lines are those of the light unless `laser_temperature` is given.
        receiver: the ring filters, as many as modulators.
        detector: photodiode and amplifier of each channel.
        symbol_rate_gbd: symbols per ns of each line.
        levels: 2 for NRZ, 4 for PAM4.
        code: error-correction code, or None.
        log10_target: decimal logarithm of the bit error ratio that is wanted, behind the code if there is one.
        input_joint_db, output_joint_db, receiver_joint_db: loss in dB of the joints of laser and transmitter,
            transmitter and fibre, fibre and receiver; numbers or shape [N].
        length_m: length of the fibre in m.
        attenuation_db_km: of the fibre.
        modulator_bandwidth: -3 dB bandwidth of driver and junction in THz; None for no limit.
        laser_temperature: of the lasers in K, at which their wavelengths are; None for lasers that are held at their
            reference temperature and on the lines of the transmitter.
        receiver_temperature: of the receiving chip in K; None for that of the transmitter.
        is_equalised: whether an equaliser takes the intersymbol interference away (its noise is not counted).

    Raises:
        ValueError: for parts that do not match, or a value outside its range.
    """

    laser: LaserArray | CombLaser
    transmitter: RingTransmitter
    receiver: RingReceiver | PolarizationDiverseReceiver
    detector: Receiver
    symbol_rate_gbd: Any = eqx.field(converter=as_leaf)
    levels: int = eqx.field(static=True, default=2)
    code: ReedSolomon | None = None
    log10_target: Any = eqx.field(converter=as_leaf, default=-12.0)
    input_joint_db: Any = eqx.field(converter=as_leaf, default=1.5)
    output_joint_db: Any = eqx.field(converter=as_leaf, default=1.5)
    receiver_joint_db: Any = eqx.field(converter=as_leaf, default=1.5)
    length_m: Any = eqx.field(converter=as_leaf, default=2.0)
    attenuation_db_km: Any = eqx.field(converter=as_leaf, default=FIBRE_LOSS_DB_KM)
    modulator_bandwidth: Any = eqx.field(converter=as_leaf, default=None)
    laser_temperature: Any = eqx.field(converter=as_leaf, default=None)
    receiver_temperature: Any = eqx.field(converter=as_leaf, default=None)
    is_equalised: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        check_kind("transmitter", self.transmitter, RingTransmitter)
        check_kind("laser", self.laser, *LASERS)
        check_kind("receiver", self.receiver, *RECEIVERS)
        check_kind("detector", self.detector, Receiver)
        for name, count in (("laser", self.laser.count), ("receiver", self.receiver.count)):
            if count != self.count:
                raise ValueError(f"{name} of {count} lines does not match the {self.count} rings of the transmitter")
        check_positive("symbol_rate_gbd", self.symbol_rate_gbd, "GBd")
        check_range("symbol_rate_gbd", self.symbol_rate_gbd, 0.0, 1000.0, "GBd")
        check_choice("levels", self.levels, (2, 4))
        if self.code is not None:
            check_kind("code", self.code, ReedSolomon)
        check_range("log10_target", self.log10_target, -300.0, -1.0)
        for name in ("input_joint_db", "output_joint_db", "receiver_joint_db"):
            if np.shape(getattr(self, name)) not in ((), (self.count,)):
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} does not match {self.count} lines")
            check_range(name, getattr(self, name), 0.0, 100.0, "dB")
        check_range("length_m", self.length_m, 0.0, 1e5, "m")
        check_range("attenuation_db_km", self.attenuation_db_km, 0.0, 1e4, "dB/km")
        if self.modulator_bandwidth is not None:
            check_range("modulator_bandwidth", self.modulator_bandwidth, *BANDWIDTHS, "THz")
        for name in ("laser_temperature", "receiver_temperature"):
            if getattr(self, name) is not None:
                check_temperature(name, getattr(self, name))
        for name in _NUMBERS:
            if getattr(self, name) is not None and np.ndim(getattr(self, name)):
                raise ValueError(f"{name} of shape {np.shape(getattr(self, name))} is not one number for the link")
        if self.laser_temperature is None:
            _check_lines(self.laser.wavelengths(self.laser.temperature0), self.transmitter.lines)

    @property
    def count(self) -> int:
        """Number of lines N."""
        return self.transmitter.bus.count

    @property
    def bits(self) -> int:
        """Bits of a symbol."""
        return round(math.log2(self.levels))

    @property
    def line_rate_gbps(self) -> Any:
        """Bits per ns on each line, those of the code included."""
        return self.symbol_rate_gbd * self.bits

    @property
    def data_rate_gbps(self) -> Any:
        """Bits of data per ns of all lines together, in the one direction of this link."""
        overhead = 0.0 if self.code is None else self.code.overhead
        return self.count * self.line_rate_gbps / (1.0 + overhead)

    def required_log10_ratio(self) -> Any:
        """Decimal logarithm of the bit error ratio that is enough before correction."""
        return self.log10_target if self.code is None else self.code.threshold(self.log10_target)

    def on_lines(self) -> "WdmLink":
        """The same with transmitter and receiver held on the lines of the lasers at their temperature."""
        if self.laser_temperature is None:
            return self._with_lines(self.transmitter.lines)
        return self._with_lines(self.laser.wavelengths(self.laser_temperature))

    def line_powers(self) -> jax.Array:
        """Power in mW of each line in the guide before the modulators, shape [N]."""
        return self._launched() * self._passed(self.input_joint_db)

    def arriving_powers(self) -> jax.Array:
        """Power in mW of each line at the filters, were there no modulators and no guide between them, shape [N]."""
        fibre = self._passed(1e-3 * self.length_m * self.attenuation_db_km)
        return self.line_powers() * self._passed(self.output_joint_db) * fibre * self._passed(self.receiver_joint_db)

    def channel_powers(self, temperature: Any = REFERENCE_TEMPERATURE) -> ChannelPowers:
        """Powers in mW at the detectors by the states of the rings; see `photonics_core.devices.wdm`."""
        return self._powers(self.on_lines(), temperature)

    def received(self, temperature: Any = REFERENCE_TEMPERATURE) -> ReceivedSignals:
        """Currents, noise and disturbances in mA at the detectors, of a transmitter at `temperature` in K."""
        held = self.on_lines()
        powers = held._powers(held, temperature)
        return received_signals(powers, self.detector, held.level_rin_db_hz(temperature), held.memory(temperature))

    def log10_error_ratio(self, temperature: Any = REFERENCE_TEMPERATURE, *, method: str = "auto") -> jax.Array:
        """Decimal logarithm of the bit error ratio of each line before correction, shape [N].

        Args:
            temperature: of the transmitter in K, and of the receiver where it has none of its own.
            method: how disturbances are counted, see `photonics_core.crosstalk_statistics`.
        """
        return self.received(temperature).log10_error_ratio(method)

    def after_correction(self, temperature: Any = REFERENCE_TEMPERATURE, *, method: str = "auto") -> jax.Array:
        """Decimal logarithm of the bit error ratio of each line behind the code, shape [N]; without one, before it."""
        before = self.log10_error_ratio(temperature, method=method)
        return before if self.code is None else self.code.log10_corrected_ratio(before)

    def memory(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Part a = exp(-2 pi B T) of the last symbol in the present one, shape [N]; zero with an equaliser.

        Of B the parts are photodiode and amplifier, driver, modulator and filter; their inverse squares add. A
        modulator passes f / Q, 1 / (2 pi) over the lifetime of its photons (one beside its resonance is faster), a
        filter 1 / (2 pi) over its group delay: f / (2 Q) for a ring on its line.
        """
        if self.is_equalised:
            return jnp.zeros(self.count, jnp.result_type(float))
        held = self.on_lines()
        there = temperature if self.receiver_temperature is None else self.receiver_temperature
        narrow = held.transmitter.q_loaded(temperature) / frequency(jnp.asarray(held.transmitter.lines))
        inverse = narrow**2 + (2.0 * math.pi * _filter_delay(_plain(held.receiver), there)) ** 2
        inverse = inverse + jnp.asarray(self.detector.total_bandwidth**-2.0, inverse.dtype)
        if self.modulator_bandwidth is not None:
            inverse = inverse + jnp.asarray(self.modulator_bandwidth**-2.0, inverse.dtype)
        return jnp.exp(-2e3 * math.pi / (jnp.sqrt(inverse) * self.symbol_rate_gbd))

    def level_rin_db_hz(self, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Relative intensity noise in dB/Hz of each received level, the lasers' phase noise on flanks of rings
        included, shape [N, M]."""
        held, band = self.on_lines(), self.detector.noise_bandwidth
        added = modulator_rin(held.transmitter, self.laser.linewidth_mhz, band, temperature, levels=self.levels)
        return level_rin_db_hz(self.laser.line_rin_db_hz(), added)

    def losses_db(self, temperature: Any = REFERENCE_TEMPERATURE) -> dict[str, jax.Array]:
        """Loss in dB of each line in each part of `LOSSES`, all rings in their last state, shapes [N]."""
        held = self.on_lines()
        one, guide = held._transmitted(temperature)
        own = jnp.diagonal(one)
        best, dropped = held._dropped(temperature)
        passed = {
            "split": jnp.full(self.count, 1.0 / self.laser.fibres, own.dtype),
            "input joint": self._passed(self.input_joint_db),
            "modulator": own,
            "other modulators": jnp.prod(jnp.where(jnp.eye(self.count, dtype=bool), 1.0, one), axis=0),
            "bus": guide,
            "output joint": self._passed(self.output_joint_db),
            "fibre": self._passed(1e-3 * self.length_m * self.attenuation_db_km),
            "receiver joint": self._passed(self.receiver_joint_db),
            "polarisation": dropped / best,
            "filter": best,
        }
        return {name: -db(passed[name]) for name in LOSSES}

    def budget(self, temperature: Any = REFERENCE_TEMPERATURE) -> dict[str, jax.Array]:
        """Power budget of each line by cause, shapes [N].

        Returns:
            "laser", power in dBm out of the laser; losses and penalties in dB; "sensitivity" in dBm and "margin" in dB,
            see `penalties_db`. The laser less all losses and penalties is the sensitivity and the margin.
        """
        held = self.on_lines()
        losses = held.losses_db(temperature)
        powers = held._powers(held, temperature)
        rin = self.laser.line_rin_db_hz(), held.level_rin_db_hz(temperature)
        memory = held.memory(temperature)
        launched = db(jnp.asarray(self.laser.powers(self._laser_temperature)))
        top = power_ratio(launched - sum(losses.values()))
        # The same levels while the other rings are in their last state and not at their mean.
        undisturbed = powers.own * (top / powers.own[:, -1])[:, None]
        target = jnp.asarray(self.required_log10_ratio())
        return {"laser": launched} | losses | penalties_db(powers, undisturbed, self.detector, target, rin, memory)

    def lock_budget_pm(
        self,
        temperature: Any = REFERENCE_TEMPERATURE,
        *,
        part: str = "modulator",
        sign: int = 1,
        most_pm: float = 200.0,
    ) -> jax.Array:
        """Detuning error in pm that each channel bears before it errs more than is wanted, shape [N].

        Args:
            temperature: as above.
            part: "modulator" or "filter": which rings are off their places, all of them by the same.
            sign: 1 for rings that are too far to the red, -1 to the blue.
            most_pm: the largest error that is looked for.

        Returns:
            Errors; zero where the channel errs too much without any, `most_pm` where it bears that.
        """
        check_choice("part", part, ("modulator", "filter"))
        check_choice("sign", sign, (1, -1))
        check_positive("most_pm", most_pm, "pm")
        target = jnp.asarray(self.required_log10_ratio(), jnp.result_type(float))

        def log10_ratio(link: WdmLink, channel: jax.Array, error_pm: jax.Array) -> jax.Array:
            signals = link._detuned(part, 1e-6 * sign * error_pm).received(temperature)
            return ReceivedSignals(*(each[channel] for each in signals)).log10_error_ratio()

        return largest_error(log10_ratio, self.on_lines(), target, self.count, most_pm)

    @property
    def _laser_temperature(self) -> Any:
        return self.laser.temperature0 if self.laser_temperature is None else self.laser_temperature

    def _launched(self) -> jax.Array:
        return self.laser.powers(self._laser_temperature) / self.laser.fibres

    def _passed(self, loss_db: Any) -> jax.Array:
        return jnp.broadcast_to(jnp.asarray(power_ratio(-loss_db), jnp.result_type(float)), self.count)

    def _with_lines(self, lines: Any) -> "WdmLink":
        moved = dataclasses.replace(self.transmitter, lines=lines)
        plain = dataclasses.replace(_plain(self.receiver), lines=lines)
        return dataclasses.replace(self, transmitter=moved, receiver=_with_plain(self.receiver, plain))

    def _detuned(self, part: str, error: Any) -> "WdmLink":
        """The same with all modulators or filters off by an error in um."""
        if part == "modulator":
            moved = dataclasses.replace(self.transmitter, detuning=self.transmitter.detuning + error)
            return dataclasses.replace(self, transmitter=moved)
        plain = _plain(self.receiver)
        plain = dataclasses.replace(plain, detuning=plain.detuning + error)
        return dataclasses.replace(self, receiver=_with_plain(self.receiver, plain))

    def _powers(self, held: "WdmLink", temperature: Any) -> ChannelPowers:
        fractions = channel_powers(
            held.transmitter,
            held.receiver,
            temperature,
            levels=self.levels,
            receiver_temperature=self.receiver_temperature,
        )
        lines = self.arriving_powers()
        own = lines[:, None]
        return ChannelPowers(
            own * fractions.own, lines[None, :, None] * fractions.leaked, own[..., None] * fractions.intermodulated
        )

    def _transmitted(self, temperature: Any) -> tuple[jax.Array, jax.Array]:
        """Power that each ring passes of each line in its last state, [ring, line], and that the guide passes, [N]."""
        tx = self.transmitter
        one = power(tx.bus.ring_amplitudes(tx.lines, temperature, tx.extra_path(temperature, 1.0)).through)
        return one, power(tx.bus.guide.transmission(tx.lines, temperature)) ** (self.count - 1)

    def _dropped(self, temperature: Any) -> tuple[jax.Array, jax.Array]:
        """Part of each line at its own detector for the best state of polarisation, and for the one there is, [N]."""
        there = temperature if self.receiver_temperature is None else self.receiver_temperature
        dropped = jnp.diagonal(self.receiver.drop_powers(there))
        if isinstance(self.receiver, PolarizationDiverseReceiver):
            return jnp.diagonal(self.receiver.power_range(there)[1]), dropped
        return dropped, dropped


def _check_lines(lines: Any, wanted: Any) -> None:
    """A `ValueError` where a laser's line is off its ring's by more than half the least distance of two lines."""
    if not is_concrete(lines, wanted) or np.ndim(wanted) != 1:
        return
    lines, wanted = np.asarray(lines, float), np.asarray(wanted, float)
    apart = np.min(np.abs(np.diff(np.sort(wanted))), initial=np.inf)
    off = np.abs(lines - wanted)
    if np.any(off > 0.5 * apart):
        k = int(np.argmax(off))
        raise ValueError(
            f"laser with line {k} at {lines[k]:.7g} um does not match that of the transmitter at {wanted[k]:.7g} um, "
            f"lines {apart:.3g} um apart; laser_temperature holds the rings on the lasers' own lines"
        )


def _plain(receiver: RingReceiver | PolarizationDiverseReceiver) -> RingReceiver:
    """The rings of a receiver."""
    return receiver.receiver if isinstance(receiver, PolarizationDiverseReceiver) else receiver


def _with_plain(receiver: Any, plain: RingReceiver) -> Any:
    """A receiver with other rings."""
    return dataclasses.replace(receiver, receiver=plain) if isinstance(receiver, PolarizationDiverseReceiver) else plain


def _filter_delay(receiver: RingReceiver, temperature: Any) -> jax.Array:
    """Group delay in ps of each filter at its line, shape [N]."""
    path = receiver.extra_path(temperature)
    lines = jnp.asarray(receiver.lines)

    def dropped(wl: jax.Array) -> jax.Array:
        return jnp.diagonal(receiver.bus.ring_amplitudes(wl, temperature, path).drop)

    at_line, slope = jax.jvp(dropped, (lines,), (jnp.ones_like(lines),))
    # exp(-i w t): the phase grows with frequency, and falls with wavelength, by the delay.
    return -(lines**2) / (2.0 * math.pi * SPEED_OF_LIGHT) * jnp.imag(slope / at_line)
