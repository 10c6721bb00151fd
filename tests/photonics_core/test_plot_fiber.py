import numpy as np
import pytest

from photonics_core import plot, plot_fiber


def axes_of():
    return plot.new_figure()[1][0, 0]


def test_a_map_has_the_loss_lines_and_its_least():
    ax = axes_of()
    x, y = np.linspace(-2.0, 2.0, 9), np.linspace(-1.0, 3.0, 7)
    loss = 0.2 * ((x[:, None] - 0.5) ** 2 + (y[None] - 1.0) ** 2)
    plot_fiber.loss_map(ax, x, y, loss, levels=(0.25, 0.5, 50.0), xlabel="x here")
    mesh = ax.collections[0]
    np.testing.assert_allclose(np.asarray(mesh.get_array()).ravel(), loss.T.ravel())
    assert ax.get_xlabel() == "x here" and ax.get_ylabel() == "y (um)"
    assert [text.get_text() for text in ax.texts] and all(t.get_text() in ("0.25", "0.5") for t in ax.texts)
    (mark,) = [line for line in ax.get_lines() if line.get_marker() == "+"]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (0.5, pytest.approx(1.0))
    with pytest.raises(ValueError, match=r"loss_db of shape \(9, 7\) is not \[7, 9\]"):
        plot_fiber.loss_map(ax, y, x, loss)


def test_ellipses_cost_their_level():
    ax = axes_of()
    hessian = np.array([[0.4, 0.1], [0.1, 0.9]])
    plot_fiber.tolerance_ellipses(ax, hessian, (0.5, 1.0), center=(1.0, -1.0), scales=(1.0, 2.0))
    for line, level in zip(ax.get_lines(), (0.5, 1.0), strict=True):
        errors = np.stack([line.get_xdata() - 1.0, (line.get_ydata() + 1.0) / 2.0])
        np.testing.assert_allclose(0.5 * np.einsum("in,ij,jn->n", errors, hessian, errors), level, rtol=1e-12)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0.5 dB", "1 dB"]
    with pytest.raises(ValueError, match="eigenvalue of the scaled Hessian"):
        plot_fiber.tolerance_ellipses(ax, [[1.0, 2.0], [2.0, 1.0]])


def test_lines_have_the_line_of_one_decibel():
    ax = axes_of()
    plot_fiber.loss_lines(ax, [0.0, 1.0, 2.0], [[0.1, 0.5, 2.0], [0.2, 0.6, 3.0]], ("one", "two"), "x (um)")
    lines = ax.get_lines()
    np.testing.assert_allclose(lines[2].get_ydata(), 1.1)
    assert ax.get_ylabel() == "loss (dB)" and ax.get_xlabel() == "x (um)"
