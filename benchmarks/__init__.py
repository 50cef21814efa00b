"""The benchmarks; ``python -m benchmarks --help`` lists what there is."""
