"""What the commands talk to: the engine and its files, the cluster, the gateway, MLflow."""
