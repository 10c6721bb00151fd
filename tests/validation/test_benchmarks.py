import os
from pathlib import Path

import numpy as np
import pytest

from photonics_core.validation import benchmarks
from photonics_core.validation.peer import Peer, PeerAbsent


@pytest.fixture(scope="module")
def rows():
    """The smallest benchmark and the one without a peer process, run once."""
    chosen = [b.name for b in benchmarks.catalogue() if b.name in ("rings.add_drop_1e4", "rings.closed_form_1e6")]
    return {row["case"]: row for row in benchmarks.rows(chosen)}


def test_a_row_has_times_device_and_difference(rows):
    row = rows["rings.closed_form_1e6"]
    assert row["ours_s"] > 0 and row["peer_s"] > 0 and row["ratio"] > 0
    assert (row["device"], row["dtype"]) == ("cpu", "float64")
    assert row["max_difference"] < 1e-9


def test_without_the_peer_a_row_says_why(rows):
    row = rows["rings.add_drop_1e4"]
    assert row["ours_s"] > 0
    assert (row["peer_s"], row["ratio"], row["max_difference"]) == (None, None, None)
    assert "make bench" in row["skipped"]


def test_a_peer_that_cannot_run_is_absent(tmp_path: Path):
    with pytest.raises(PeerAbsent, match="no peers"):
        Peer(tmp_path / "python", "sax_add_drop", {"count": 10})()
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(PeerAbsent, match="failed in"):
        Peer(broken, "sax_add_drop", {"count": 10})()


def test_unknown_subjects_are_named():
    with pytest.raises(ValueError, match="subject = 'nothing' is not one of"):
        list(benchmarks.rows(["nothing"]))


def test_every_benchmark_has_a_name_of_its_own():
    names = [benchmark.name for benchmark in benchmarks.catalogue()]
    assert len(set(names)) == len(names)
    subjects = {"rings", "films", "networks", "modes", "couplers", "modulator", "heat", "fiber"}
    subjects |= {"fiber_array", "grating_coupler", "optimise", "batch", "wafer_test", "link"}
    assert {name.split(".")[0] for name in names} == subjects


def test_a_yardstick_for_time_alone_has_no_difference():
    pair = lambda: np.zeros(3), lambda: np.ones(())
    benchmark = benchmarks.Benchmark("a.b", "own forward", lambda peers: pair, same_result=False)
    row = benchmarks._measure(benchmark, None)
    assert row["max_difference"] is None and row["ratio"] > 0


PEER_CASES = [
    ("rings.add_drop_1e4", 1e-10),
    ("networks.ring_double", 1e-10),
    ("networks.mzi_lattice", 1e-10),
    ("networks.mesh16", 1e-10),
    ("films.forward", 1e-10),
]


@pytest.mark.peer
@pytest.mark.parametrize(("name", "tolerance"), PEER_CASES)
def test_peers_give_the_same_numbers(name, tolerance):
    peers = Path(os.environ.get("PHOTONICS_CORE_PEERS", ""))
    if not peers.is_file():
        pytest.skip("set PHOTONICS_CORE_PEERS to the Python of an environment with the peers; `make test-peer` does")
    (row,) = benchmarks.rows([name], peers)
    assert row["skipped"] is None
    assert row["max_difference"] < tolerance
