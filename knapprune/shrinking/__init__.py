"""Really smaller networks: what is dead is found on channels, folded and cut away."""
