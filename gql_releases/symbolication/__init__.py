"""Reading source maps and debug files in worker processes, since the native library that does it may crash."""
