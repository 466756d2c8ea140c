"""Random models of every front end, converted by hls4ml: what is predicted must be what is counted."""
