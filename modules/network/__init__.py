"""The network of a cloud account: its addresses, its ways in and out."""
