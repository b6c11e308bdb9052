"""A bundle: all that one version needs from a network, in one signed file. scripts/bundle unpacks it."""
