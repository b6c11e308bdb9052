"""`scripts/bench serving`: one model in our server and in others, asked by one client, in one run."""
