"""One file, one kind of work: ``measure(setting)`` yields its figures; the first line of the file says what it measures."""
