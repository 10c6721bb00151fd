"""Evidence: analytic, published and measured cases, peers side by side, benchmarks."""
