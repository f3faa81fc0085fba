"""Figures, tables and pages drawn from saved results; reads results, never runs anything."""
