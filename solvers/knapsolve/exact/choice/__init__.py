"""Exact multiple choice under any number of resources."""
