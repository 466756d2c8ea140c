"""Models of Brevitas."""
