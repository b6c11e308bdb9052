"""Builds what no package registry ships as a binary: the engine's CLI and Kubernetes itself."""
