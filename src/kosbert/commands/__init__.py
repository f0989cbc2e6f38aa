"""The commands of `kosbert`, one a module."""
