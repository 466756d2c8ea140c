"""From a budget to masks."""
