"""What somebody else's cluster must have, asked before anything is changed in it: one file per group of checks."""
