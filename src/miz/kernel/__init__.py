"""The thin shared kernel: pure values that every room may use. No input or output, no clock, no randomness."""
