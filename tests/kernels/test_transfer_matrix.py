"""Laws of the star product and of transfer matrices, on random blocks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core.kernels.transfer_matrix import (
    identity_block,
    scattering_from_transfer,
    star,
    star_chain,
    transfer_chain,
    transfer_from_scattering,
)

HALVES = pytest.mark.parametrize("n", [1, 2, 3, 5])
EXACT = {"rtol": 0, "atol": 1e-12}


def random_blocks(n, count, gain=0.9, seed=0):
    """Random scattering matrices [count, 7, 2n, 2n] whose largest singular value is `gain`."""
    random = np.random.default_rng(seed)
    shape = (count, 7, 2 * n, 2 * n)
    matrices = random.normal(size=shape) + 1j * random.normal(size=shape)
    return jnp.asarray(gain * matrices / np.linalg.norm(matrices, ord=2, axis=(-2, -1))[..., None, None])


def unitary_blocks(n, count):
    return jnp.asarray(np.linalg.qr(random_blocks(n, count, seed=1))[0])


def transposed(s):
    return jnp.swapaxes(s, -1, -2)


def loop(blocks):
    return functools.reduce(star, list(blocks))


@HALVES
def test_the_star_product_is_associative(n):
    a, b, c = random_blocks(n, 3)
    assert_allclose(star(star(a, b), c), star(a, star(b, c)), **EXACT)


@HALVES
def test_nothing_on_either_side_changes_nothing(n):
    block = random_blocks(n, 1)[0]
    nothing = jnp.broadcast_to(identity_block(n, block.dtype), block.shape)
    assert_allclose(star(nothing, block), block, **EXACT)
    assert_allclose(star(block, nothing), block, **EXACT)


@HALVES
def test_a_scan_is_a_loop_along_any_axis(n):
    blocks = random_blocks(n, 5)
    assert_allclose(star_chain(blocks), loop(blocks), **EXACT)
    assert_allclose(star_chain(jnp.moveaxis(blocks, 0, 1), axis=1), loop(blocks), **EXACT)
    assert_allclose(star_chain(jnp.moveaxis(blocks, 0, -3), axis=-3), loop(blocks), **EXACT)


@HALVES
def test_lossless_blocks_join_to_a_lossless_block(n):
    joined = star_chain(unitary_blocks(n, 6))
    product = jnp.conj(transposed(joined)) @ joined
    assert_allclose(product, np.broadcast_to(np.eye(2 * n), product.shape), **EXACT)


@HALVES
def test_reciprocal_blocks_join_to_a_reciprocal_block(n):
    blocks = random_blocks(n, 6)
    joined = star_chain((blocks + transposed(blocks)) / 2)
    assert_allclose(joined, transposed(joined), **EXACT)
    one_way = star_chain(blocks)
    assert np.max(np.abs(one_way - transposed(one_way))) > 1e-3


@HALVES
def test_passive_blocks_join_to_a_passive_block(n):
    joined = star_chain(random_blocks(n, 6, gain=1.0))
    assert np.max(np.linalg.norm(joined, ord=2, axis=(-2, -1))) <= 1 + 1e-12


def test_two_mirrors_are_a_fabry_perot():
    r, wave = 0.8, np.exp(1j * np.linspace(0.0, 6.0, 13))
    t = np.sqrt(1 - r**2)
    mirror = np.broadcast_to([[r, 1j * t], [1j * t, r]], (13, 2, 2))
    gap = np.stack([0 * wave, wave, wave, 0 * wave], axis=-1).reshape(13, 2, 2)
    through = star_chain(jnp.asarray([mirror, gap, mirror]))[:, 1, 0]
    assert_allclose(through, -(t**2) * wave / (1 - r**2 * wave**2), **EXACT)


def test_the_index_order_is_out_then_in():
    # An isolator that passes light to the right only, beside a mirror that reflects from its left only.
    isolator = jnp.asarray([[0.0, 0.0], [0.7, 0.0]])
    mirror = jnp.asarray([[0.5, 0.0], [0.0, 0.0]])
    assert star(isolator, isolator)[1, 0] == pytest.approx(0.49)
    assert star(isolator, isolator)[0, 1] == 0
    # The reflection never comes back through the isolator; the other way round the mirror shows at once.
    assert_allclose(star(isolator, mirror), np.zeros((2, 2)))
    assert star(mirror, isolator)[0, 0] == 0.5


def test_scattering_and_transfer_matrices_are_the_same_thing():
    blocks = random_blocks(1, 5)
    assert_allclose(scattering_from_transfer(transfer_from_scattering(blocks)), blocks, **EXACT)
    product = transfer_chain(transfer_from_scattering(blocks))
    assert_allclose(scattering_from_transfer(product), star_chain(blocks), rtol=1e-9, atol=1e-12)
    assert_allclose(transfer_chain(jnp.moveaxis(blocks, 0, 1), axis=1), transfer_chain(blocks), **EXACT)


def test_a_long_chain_stays_finite_in_complex64_where_transfer_matrices_do_not():
    # Three hundred evanescent gaps: each transfer matrix grows by ten.
    gap = jnp.asarray([[0.3, 0.1], [0.1, 0.3]], jnp.complex64)
    chain = jnp.broadcast_to(gap, (300, 2, 2))
    assert np.all(np.isfinite(star_chain(chain)))
    assert not np.all(np.isfinite(scattering_from_transfer(transfer_chain(transfer_from_scattering(chain)))))


def test_the_derivative_goes_through_the_scan(assert_gradient):
    blocks = random_blocks(2, 3)[:, 0]

    def power(scales):
        return jnp.abs(star_chain(scales[:, None, None].astype(complex) * blocks)[3, 0]) ** 2

    assert_gradient(power, jnp.asarray([0.9, 0.8, 0.7]))


@pytest.mark.parametrize(("left", "right"), [((3, 3), (3, 3)), ((2, 2), (4, 4)), ((2, 4), (2, 4))])
def test_shapes_that_do_not_fit_are_named(left, right):
    with pytest.raises(ValueError, match=r"left = .* and right = .* are not \[..., 2n, 2n\] of one n"):
        star(jnp.zeros(left), jnp.zeros(right))


def test_a_batch_is_a_loop():
    a, b = random_blocks(2, 2)
    assert_allclose(jax.vmap(star)(a, b), jnp.stack([star(x, y) for x, y in zip(a, b, strict=True)]), **EXACT)
