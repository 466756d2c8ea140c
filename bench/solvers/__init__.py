"""The engine and its peers on problems of many kinds."""
