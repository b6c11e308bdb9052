"""The workload `wine`: of which of three cultivars a wine is, by XGBoost."""
