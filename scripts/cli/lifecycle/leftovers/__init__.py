"""What is left of an environment in an account of AWS, found by asking AWS alone: neither the state nor what deleted it
is believed.

`kinds.yaml` says how each kind is listed, and what is known of one; `prices.yaml` what it costs.
"""
