"""Arguments are checked at the door, selections where they are adopted."""
