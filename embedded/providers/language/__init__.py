"""Stands in for the official Python language host."""
