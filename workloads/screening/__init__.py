"""The lake's workload: whether a tumour is malignant."""
