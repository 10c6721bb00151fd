"""What a folder holds is found without reading it: names, places, radii, and remarks on a manifest."""

import math

import pytest

from photonics_core.wafer_files import plan_folder


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")


def test_files_are_found_in_order_and_others_are_passed_over(tmp_path):
    touch(tmp_path, "b_r25_gap300.mat", "a.csv", "sub/c.TXT", "notes.pdf", "table.h5", ".hidden.csv", ".git/x.csv")
    plan = plan_folder(tmp_path, radius=10.0)
    assert [file.name for file in plan.files] == ["a.csv", "b_r25_gap300.mat", "sub/c.TXT"]
    assert plan.ignored == ("notes.pdf", "table.h5") and plan.notes == ()
    assert [(file.radius, file.gap) for file in plan.files] == [(10.0, None), (25.0, 0.3), (10.0, None)]
    assert all(math.isnan(file.position[0]) for file in plan.files)


def test_places_from_table_manifest_and_pattern(tmp_path):
    touch(tmp_path, "d_x2_y-1.csv", "e_x3_y4.csv", "sub/f_x0_y0.csv", "g.csv")
    (tmp_path / "MANIFEST.csv").write_text(
        "file,x_mm,y_mm,radius_um,gap_nm\ne_x3_y4.csv,1.5,-2,12,250\ng.csv,inf,1,-3,x\nlost.csv,,,,\n"
    )
    pattern = r"_x(?P<x>-?\d+)_y(?P<y>-?\d+)"
    plan = plan_folder(tmp_path, positions={"f_x0_y0.csv": (7.0, 8.0)}, pattern=pattern, pitch=(100.0, 10.0))
    found = {file.name: file for file in plan.files}
    assert found["d_x2_y-1.csv"].position == (200.0, -10.0)
    assert found["e_x3_y4.csv"].position == (1500.0, -2000.0)
    assert (found["e_x3_y4.csv"].radius, found["e_x3_y4.csv"].gap) == (12.0, 0.25)
    assert found["sub/f_x0_y0.csv"].position == (7.0, 8.0)
    assert math.isnan(found["g.csv"].position[0]) and found["g.csv"].radius is None
    assert len(plan.notes) == 6 and "x_mm = 'inf'" in plan.notes[0] and "lost.csv" in plan.notes[3]
    assert plan.notes[4].startswith("3 of 4 files have no radius, the first 'd_x2_y-1.csv'")
    assert plan.notes[5] == "1 of 4 files have no place, the first 'g.csv'"


def test_manifests_that_are_none(tmp_path):
    touch(tmp_path, "a.csv")
    for content in (b"", b"who,what\n1,2\n", b"\x00\xff\x00", b'file,"x_um\n' * 3):
        (tmp_path / "manifest.csv").write_bytes(content)
        plan = plan_folder(tmp_path)
        assert [file.name for file in plan.files] == ["a.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": "("}, "not a regular expression"),
        ({"pattern": "x"}, "no groups"),
        ({"pattern": "(?P<x>a)(?P<y>.)"}, "not two numbers"),
        ({"pitch": 0.0}, "pitch = 0 um"),
        ({"radius": -2.0}, "radius = -2 um"),
        ({"gap": float("nan")}, "gap = nan um"),
        ({"positions": {"a.csv": (float("inf"), 0.0)}}, "positions"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, arguments, message):
    touch(tmp_path, "a.csv")
    with pytest.raises(ValueError, match=message):
        plan_folder(tmp_path, **arguments)
