"""Who solves what: presolve, the choice of a solver, requirements, stand-ins."""
