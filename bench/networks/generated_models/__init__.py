"""Random models of several front ends, converted by hls4ml: what is predicted must be what is counted."""
