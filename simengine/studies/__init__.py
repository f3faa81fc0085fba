"""Many runs: which ones (`design`), how they are done (`execute`), where they are kept (`store`, `manifest`, `files`,
`parts`, `snapshots`), and what they say together: summaries and contrasts (`statistics`), times to an event (`events`,
from `survival`, `competing` and `comparison`) and why runs differ (`spread`).
"""
