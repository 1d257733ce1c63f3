"""Recordings in and out: sound files, pipes, formats, and one recording enhanced from file to file."""
