"""Several resources: dual, core, and one tree of linear relaxations for each cardinality."""
