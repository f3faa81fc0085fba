"""Many runs: which ones (`design`), how they are done (`execute`), where they are kept (`store`, `manifest`, `files`,
`snapshots`), how they are read again (`reading`) and what they say together (`statistics`).
"""
