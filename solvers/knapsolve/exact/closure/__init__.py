"""Requirements: maximum-weight closures under prices, and a tree over what they leave open."""
