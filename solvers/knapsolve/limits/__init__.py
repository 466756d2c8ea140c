"""Time, interruption and compiling: what ends a solve or delays it."""
