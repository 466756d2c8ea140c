"""Resource models: one file per hardware model, and what they share."""
