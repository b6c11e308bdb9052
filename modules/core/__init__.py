"""What every module stands on: contracts, names, labels, pinned versions, errors. Imports no cloud SDK."""
