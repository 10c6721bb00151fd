"""What the devices and the electronics of an optical engine are like: the numbers that its sizing takes as given.

Guides lose `loss_db_cm` where they are straight. Rings lose more, by what their bend adds at a radius R,

    bend_db_cm (5 um / R)^2,

for the walls' scattering is the same for a bend to the left and to the right, so that its lowest change goes with the
curvature squared. Measured: 3.6(1) dB/cm straight and 0.013(5) dB for a quarter turn of 2 um (Y. A. Vlasov and S. J.
McNab, Opt. Express 12, 1622 (2004), abstract: 445 x 220 nm, 1.5 um), which is 45(16) dB/cm there with the straight
part; 10.3(20) and 5(1) dB/cm in rings of 5 and 10 um (`photonics_core.devices.measured_silicon`). The law with the
defaults gives 45.5, 10.3 and 5.3. That it holds in the O band, for another width, is assumed. Radiation is left out: by
`photonics_core.radiating_modes.bend_mode` a bend of 2 um radiates less than 0.1 dB/cm, the strip of 350 x 220 nm at
1310 nm, and one of 1.5 um some 3 dB/cm: the law is not to be trusted below 2 um.
"""

from typing import Any

import equinox as eqx

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.detector import quantum_limit
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_positive, check_range
from photonics_core.runtime import as_leaf

#: Middle of the grid in um, symbol rate in GBd at which the technology's numbers hold, radius in um likewise.
CENTER, RATE0, RADIUS0 = 1.31, 32.0, 5.0
#: Loss in dB/cm of straight strips, see above.
STRAIGHT_LOSS_DB_CM = 3.6


class EngineTechnology(Shown):
    """Device parameters that the sizing takes as given. Defaults are estimates but for the losses of guides.

    Args:
        responsivity: of the photodiodes in mA/mW.
        density_pa: current noise of the amplifiers in pA/sqrt(Hz) at 32 GBd and 300 K. It grows with the bandwidth: the
            transimpedance that an amplifier of one gain-bandwidth product gives falls as the bandwidth squared, and the
            noise of the feedback resistor and of the input transistor with it (after E. Saeckinger, Broadband Circuits
            for Optical Fiber Communication (2005), ch. 5, from memory); and as the root of the temperature.
        receiver_share: -3 dB bandwidth of the amplifier over the symbol rate.
        driver_bandwidth: of driver and junction in THz.
        capacitance, swing: of a modulator in fF and V.
        drive_shift_pm: shift of a modulator's resonance between the outer levels in pm.
        loss_db_cm: of straight guides in dB/cm.
        bend_db_cm: what its bend adds to that in a ring of 5 um, see above, in dB/cm.
        junction_db_cm: what the carriers of its junction add in a modulator, in dB/cm. 2e18 / cm^3 of electrons on one
            half and of holes on the other absorb 43 dB/cm at 1.31 um (`photonics_core.carriers`), of which the mode
            sees the most part.
        joint_db: loss in dB of each of the three joints.
        heater_nm_mw: heater efficiency of a ring of 5 um in nm/mW; it falls as 1 / radius, the length to be heated.
        reserve_nm: shift by the heaters that is left at the highest temperature, for the spread of manufacture, in nm.
        lock_power: of the control of one ring in mW. `lock_error_pm`: detuning error of a modulator, of either sign.
        laser_efficiency: wall-plug efficiency at 300 K. `rin_db_hz`: intensity noise of a line.
        driver_fj_bit, receiver_fj_bit, clock_fj_bit, serdes_fj_bit: of each bit on the line at 32 GBd NRZ, in fJ.
        rate_exponent: p of their growth as (symbol rate / 32 GBd)^p. `pam4_factor`: by which PAM4 takes more.
        code_fj_bit: error correction at both ends, per bit of data.
        pitch: of the fibres in um.

    Raises:
        ValueError: for a value outside its range.
    """

    responsivity: Any = eqx.field(converter=as_leaf, default=0.9)
    density_pa: Any = eqx.field(converter=as_leaf, default=15.0)
    receiver_share: Any = eqx.field(converter=as_leaf, default=0.7)
    driver_bandwidth: Any = eqx.field(converter=as_leaf, default=0.05)
    capacitance: Any = eqx.field(converter=as_leaf, default=50.0)
    swing: Any = eqx.field(converter=as_leaf, default=2.0)
    drive_shift_pm: Any = eqx.field(converter=as_leaf, default=80.0)
    loss_db_cm: Any = eqx.field(converter=as_leaf, default=STRAIGHT_LOSS_DB_CM)
    bend_db_cm: Any = eqx.field(converter=as_leaf, default=silicon.LOSS_DB_CM - STRAIGHT_LOSS_DB_CM)
    junction_db_cm: Any = eqx.field(converter=as_leaf, default=40.0)
    joint_db: Any = eqx.field(converter=as_leaf, default=1.5)
    heater_nm_mw: Any = eqx.field(converter=as_leaf, default=0.25)
    reserve_nm: Any = eqx.field(converter=as_leaf, default=0.5)
    lock_power: Any = eqx.field(converter=as_leaf, default=0.5)
    lock_error_pm: Any = eqx.field(converter=as_leaf, default=2.0)
    laser_efficiency: Any = eqx.field(converter=as_leaf, default=0.1)
    rin_db_hz: Any = eqx.field(converter=as_leaf, default=-145.0)
    driver_fj_bit: Any = eqx.field(converter=as_leaf, default=300.0)
    receiver_fj_bit: Any = eqx.field(converter=as_leaf, default=500.0)
    clock_fj_bit: Any = eqx.field(converter=as_leaf, default=300.0)
    serdes_fj_bit: Any = eqx.field(converter=as_leaf, default=1500.0)
    rate_exponent: Any = eqx.field(converter=as_leaf, default=0.5)
    pam4_factor: Any = eqx.field(converter=as_leaf, default=1.25)
    code_fj_bit: Any = eqx.field(converter=as_leaf, default=200.0)
    pitch: Any = eqx.field(converter=as_leaf, default=127.0)

    def __check_init__(self) -> None:
        check_range("rin_db_hz", self.rin_db_hz, -300.0, 0.0, "dB/Hz")
        check_finite("rate_exponent", self.rate_exponent)
        losses = ("joint_db", "loss_db_cm", "bend_db_cm", "junction_db_cm")
        for name in ("lock_error_pm", "lock_power", "reserve_nm", *losses, *_ENERGIES):
            check_range(name, getattr(self, name), 0.0, 1e6)
        positive = ("responsivity", "density_pa", "receiver_share", "driver_bandwidth", "capacitance", "swing")
        for name in (*positive, "drive_shift_pm", "heater_nm_mw", "laser_efficiency", "pam4_factor", "pitch"):
            check_positive(name, getattr(self, name))
        check_range("capacitance", self.capacitance, 0.1, 1e4, "fF")
        check_range("laser_efficiency", self.laser_efficiency, 0.0, 1.0)
        # One electron for each photon.
        check_range("responsivity", self.responsivity, 0.0, float(quantum_limit(CENTER)), "mA/mW")

    def filter_loss_db_cm(self, radius: Any) -> Any:
        """Loss of a ring without a junction in dB/cm, over its radius in um."""
        return self.loss_db_cm + self.bend_db_cm * (RADIUS0 / radius) ** 2

    def modulator_loss_db_cm(self, radius: Any) -> Any:
        """Loss of a ring with a junction in dB/cm, over its radius in um."""
        return self.filter_loss_db_cm(radius) + self.junction_db_cm


_ENERGIES = ("driver_fj_bit", "receiver_fj_bit", "clock_fj_bit", "serdes_fj_bit", "code_fj_bit")
