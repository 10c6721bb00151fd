"""One coherent system of units, and conversions that mean what the field means by them."""

import math

import jax.numpy as jnp
import pytest

from photonics_core import units


def test_three_decibels_per_centimetre_leave_half_the_power_after_one_centimetre():
    left = math.exp(-units.attenuation(3.0) * 1e4)
    assert left == pytest.approx(10**-0.3, rel=1e-12)
    assert left == pytest.approx(0.5, rel=3e-3)


@pytest.mark.parametrize(
    ("there", "back", "value"),
    [
        (units.frequency, units.wavelength, 1.31),
        (units.power_ratio, units.db, -7.3),
        (units.db, units.power_ratio, 0.2),
        (units.attenuation, units.loss_db_cm, 2.7),
    ],
)
def test_conversions_come_back(there, back, value):
    assert float(back(there(value))) == pytest.approx(value, rel=1e-13)


def test_values_known_by_heart():
    assert units.frequency(1.55) == pytest.approx(193.414489, rel=1e-8)
    assert float(units.db(2.0)) == pytest.approx(3.0102999566, rel=1e-10)
    assert float(units.dbm(1.0)) == 0.0
    assert units.db(jnp.asarray(0.0)) == -jnp.inf


def test_dispersion_is_delay_per_length_and_wavelength():
    # 17 ps/(nm km), that of standard fibre: over 1 km (1e9 um) and 1 nm (1e-3 um) the delay differs by 17 ps.
    assert units.group_velocity_dispersion(17.0) * 1e9 * 1e-3 == pytest.approx(17.0)
