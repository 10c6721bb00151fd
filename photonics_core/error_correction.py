"""Reed-Solomon codes of Ethernet: what they cost in rate and time, and the error ratios before and after them.

A codeword of n symbols of m bits, k of them data, is corrected as long as no more than t = (n - k) / 2 symbols are
wrong. Bits err at random and independently of each other with the ratio b before correction (bursts, as of a decision
feedback, are worse), so that symbols err with p = 1 - (1 - b)^m and codewords are lost with

    P = sum_{i > t} C(n, i) p^i (1 - p)^(n - i).

A lost codeword is handed on with the errors it has, so that the bit error ratio behind the decoder is the same sum with
the weights i / n, times b / p. That a decoder may correct to a wrong codeword (at most about one in t! lost ones; R. J.
McEliece and L. Swanson, IEEE Trans. Inf. Theory 32, 701 (1986), from memory) is left out. All is done with logarithms.
"""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from scipy.special import gammaln

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_positive, check_range, is_concrete
from photonics_core.kernels.roots import bracketed_root

_LN10 = math.log(10.0)
#: Which ratio behind the decoder a threshold is asked for.
RATIOS = ("codeword", "bit", "frame")
#: Decimal logarithms of bit error ratios between which a threshold is looked for.
_LOW, _HIGH = -30.0, -1.0


class ReedSolomon(Shown):
    """A Reed-Solomon code RS(codeword, data) over symbols of some bits, by hard decisions.

    Args:
        codeword: symbols n of a codeword.
        data: symbols k of them that are data, n - k even and above zero.
        symbol_bits: bits m of a symbol; n is below 2^m.

    Raises:
        ValueError: for numbers outside these.
    """

    codeword: int = eqx.field(static=True)
    data: int = eqx.field(static=True)
    symbol_bits: int = eqx.field(static=True, default=10)

    def __check_init__(self) -> None:
        for name in ("codeword", "data", "symbol_bits"):
            if not isinstance(getattr(self, name), int):
                raise ValueError(f"{name} = {getattr(self, name)!r} is not a whole number")
        check_range("symbol_bits", self.symbol_bits, 2, 16)
        check_range("codeword", self.codeword, 3, 2**self.symbol_bits - 1, "symbols")
        check_range("data", self.data, 1, self.codeword - 2, "symbols")
        if (self.codeword - self.data) % 2:
            raise ValueError(f"data = {self.data} symbols leaves an odd number of {self.codeword}")

    @property
    def correctable(self) -> int:
        """Symbols t of a codeword that can be corrected."""
        return (self.codeword - self.data) // 2

    @property
    def overhead(self) -> float:
        """Bits sent over bits of data, less one."""
        return self.codeword / self.data - 1.0

    def line_rate_gbps(self, data_rate_gbps: Any) -> Any:
        """Bits sent per ns for bits of data per ns."""
        check_positive("data_rate_gbps", data_rate_gbps, "Gb/s")
        return data_rate_gbps * (self.codeword / self.data)

    def latency(self, line_rate_gbps: Any, decoder: Any = 0.0) -> Any:
        """Time in ps until the first bit of a codeword is out of the decoder: all of it has to be in, then decoded.

        Args:
            line_rate_gbps: bits per ns, of all lanes over which one codeword is spread.
            decoder: time in ps that decoding takes on top; some 50 to 100 ns in practice (second hand).
        """
        check_positive("line_rate_gbps", line_rate_gbps, "Gb/s")
        check_range("decoder", decoder, 0.0, np.inf, "ps")
        return 1e3 * self.codeword * self.symbol_bits / line_rate_gbps + decoder

    def log10_symbol_error_ratio(self, log10_ratio: Any) -> jax.Array:
        """log10 p of the symbols of the code for log10 b of the bits, below zero, any shape."""
        return self._log_symbol(_natural(log10_ratio)) / _LN10

    def log10_codeword_error_ratio(self, log10_ratio: Any) -> jax.Array:
        """Decimal logarithm of the share of codewords that are lost.

        Args:
            log10_ratio: decimal logarithm of the bit error ratio before correction, below zero, any shape.

        Raises:
            ValueError: for a logarithm that is not below zero.
        """
        return logsumexp(self._log_terms(_natural(log10_ratio)), axis=-1) / _LN10

    def log10_corrected_ratio(self, log10_ratio: Any) -> jax.Array:
        """Decimal logarithm of the bit error ratio behind the decoder; argument as above."""
        log_bit = _natural(log10_ratio)
        wrong = np.arange(self.correctable + 1, self.codeword + 1) / self.codeword
        terms = self._log_terms(log_bit)
        lost = logsumexp(terms, axis=-1, b=_row(wrong, terms))
        return (lost + log_bit - self._log_symbol(log_bit)) / _LN10

    def log10_frame_loss_ratio(self, log10_ratio: Any, frames: float = 8.0, interleaved: int = 1) -> jax.Array:
        """Decimal logarithm of the share of frames that are lost with their codewords.

        A frame is lost with any of the codewords it has a part in: (frames + 1) / frames codewords in a row on average,
        each of them times `interleaved`. Frames of 64 octets fill 84 octets of the line with their gap, so that about 8
        begin in a codeword of 514 symbols (P. Anslow, IEEE 802.3 400 Gb/s study group (2013), second hand).

        Args:
            log10_ratio: as above.
            frames: frames that begin in a codeword.
            interleaved: codewords over which symbols are dealt in turn: 2 in 200 and 400 Gb/s Ethernet.
        """
        check_positive("frames", frames)
        check_range("interleaved", interleaved, 1, 64)
        return self.log10_codeword_error_ratio(log10_ratio) + math.log10(interleaved * (frames + 1.0) / frames)

    def threshold(self, log10_target: Any, of: str = "bit", *, interleaved: int = 1) -> jax.Array:
        """Decimal logarithm of the highest bit error ratio before correction that leaves a target behind it.

        Args:
            log10_target: decimal logarithm of the ratio behind the decoder, a number.
            of: which ratio that is: "codeword", "bit" or "frame" (of 64 octets).
            interleaved: for frames, as above.

        Raises:
            ValueError: for a target that is not one number, or that no ratio between 1e-30 and 0.1 leaves, or an
                unknown ratio.
        """
        check_choice("of", of, RATIOS)
        if np.ndim(log10_target):
            raise ValueError(f"log10_target of shape {np.shape(log10_target)} is not one number")
        frame = functools.partial(self.log10_frame_loss_ratio, interleaved=interleaved)
        after = (self.log10_codeword_error_ratio, self.log10_corrected_ratio, frame)[RATIOS.index(of)]
        target = jnp.asarray(log10_target, jnp.result_type(float))
        low, high = (after(end) for end in (_LOW, _HIGH))
        if is_concrete(target, low, high):
            check_range("log10_target", target, float(low), float(high))
        return bracketed_root(lambda x, goal: after(x) - goal, _LOW, _HIGH, target, name="log10 of the ratio")

    def _log_symbol(self, log_bit: jax.Array) -> jax.Array:
        """log(1 - (1 - b)^m), of which nothing is lost for the smallest b."""
        bit = jnp.exp(log_bit)
        # -m log(1 - b) = m b e(b), and 1 - exp(-y) = y f(y), both by series where they are one nearly.
        is_small = bit < 1e-4
        safe = jnp.where(is_small, 0.5, bit)
        times = jnp.where(is_small, 1.0 + bit * (0.5 + bit / 3.0), -jnp.log1p(-safe) / safe)
        y = self.symbol_bits * bit * times
        is_small = y < 1e-4
        safe = jnp.where(is_small, 0.5, y)
        share = jnp.where(is_small, 1.0 - y * (0.5 - y / 6.0), -jnp.expm1(-safe) / safe)
        return log_bit + math.log(self.symbol_bits) + jnp.log(times * share)

    def _log_terms(self, log_bit: jax.Array) -> jax.Array:
        """Logarithms of the binomial terms of more than t wrong symbols, on a last axis."""
        count, ways = _binomial(self.codeword, self.correctable)
        log_symbol = self._log_symbol(log_bit)[..., None]
        count = _row(count, log_symbol)
        # Of bits, for the part of wrong symbols rounds to one long before that of wrong bits does.
        right = self.symbol_bits * jnp.log1p(-jnp.exp(log_bit[..., None]))
        return _row(ways, log_symbol) + count * log_symbol + (self.codeword - count) * right


#: The code of 100GBASE-KP4 and of Ethernet with PAM4, IEEE 802.3 clause 91 (second hand).
KP4 = ReedSolomon(544, 514)
#: The code of 100GBASE-KR4, of the same clause (second hand).
KR4 = ReedSolomon(528, 514)


@functools.cache
def _binomial(total: int, correctable: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers above `correctable` and the logarithms of their binomial coefficients."""
    count = np.arange(correctable + 1, total + 1, dtype=np.float64)
    return count, gammaln(total + 1.0) - gammaln(count + 1.0) - gammaln(total - count + 1.0)


def _row(values: np.ndarray, like: jax.Array) -> jax.Array:
    """Values along the last of as many axes as another array has."""
    return jnp.asarray(values, like.dtype).reshape((1,) * (like.ndim - 1) + (-1,))


def _natural(log10_ratio: Any) -> jax.Array:
    check_range("log10_ratio", log10_ratio, high=-1e-6)
    return _LN10 * jnp.asarray(log10_ratio, jnp.result_type(float))
