"""How many look-up tables methods are compared at."""

LIMITS = (1000, 2000, 4000, 8000, 16000)
"""With the first seed."""

MAIN = (2000, 8000)
"""Those of them that several seeds are compared at."""
