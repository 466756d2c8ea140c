"""Nested knapsacks: one option for each group, and the best items of the chosen options."""
