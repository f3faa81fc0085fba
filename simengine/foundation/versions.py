"""The versions a result carries: of the package and of the model."""

__all__ = ["MODEL_VERSION", "__version__"]

__version__ = "0.1.0"

MODEL_VERSION = "1"
"""Moves whenever any bit of a result does; results of two model versions are never mixed in one folder."""
