"""The workload `digits`: which digit somebody wrote, by a convolutional network of PyTorch."""
