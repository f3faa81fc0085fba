"""The versions that a result carries.

`MODEL_VERSION` moves whenever any bit of any result does, with a reason in the changelog; `__version__` is that of the
package.
"""

__all__ = ["MODEL_VERSION", "__version__"]

__version__ = "0.1.0"

MODEL_VERSION = "0.4.0"
