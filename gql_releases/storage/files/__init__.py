"""Files of releases: blobs, chunks and their assembly, artifact bundles, release files and debug files."""
