"""One file format a module; `knapsolve.files.reading` picks the one."""
