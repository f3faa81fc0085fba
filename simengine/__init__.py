"""simengine: agent-based simulation of cell therapy, patient by patient."""

__version__ = "0.1.0"
