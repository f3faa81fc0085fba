"""Arithmetic on arrays: no names, no branches on kinds, nothing imported but the foundation."""
