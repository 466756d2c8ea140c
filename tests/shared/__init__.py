"""What several test modules build or ask, in one place: frameworks, networks, configurations, commands."""
