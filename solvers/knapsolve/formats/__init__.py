"""One file format a module; `knapsolve.files` picks the one."""
