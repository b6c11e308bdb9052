"""What all modules share: contracts, names, labels, pinned versions, errors. Imports no cloud SDK."""
