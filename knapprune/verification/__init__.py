"""Show that the hardware is the predicted one."""
