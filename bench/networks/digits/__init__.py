"""Networks without DSPs: accuracy against the look-up tables that da4ml counts, for five ways to get there."""
