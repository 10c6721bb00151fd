import pytest

from photonics_core.validation import networks
from photonics_core.validation.registry import Absent

CASES = [
    networks.mesh_unitary,
    networks.bus_unitary,
    networks.bus_reciprocal,
    networks.ring_closed_form,
    networks.bus_device,
    networks.sax_mzi,
    networks.sax_ring,
    pytest.param(networks.dense_algebra, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("compute", CASES)
def test_case(compute):
    try:
        evidence = compute()
    except Absent as reason:
        pytest.skip(str(reason))
    assert evidence.passes, evidence
