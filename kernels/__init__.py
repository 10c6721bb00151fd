"""Numerics: arrays in, arrays out; jitted, batched, differentiable. Knows no device and no material."""
