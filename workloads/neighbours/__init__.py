"""The workload `neighbours`: of which of three cultivars a wine is, by the wines that are most like it. Served from
skops: scikit-learn's nearest neighbours by this distance have no ONNX form."""
