"""The workload `cancer`: whether a tumour is malignant, by LightGBM."""
