"""The values that constants hold: what is offered, what it costs, and which are chosen."""
