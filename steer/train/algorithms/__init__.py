"""Learning algorithms, one a file: target x loss x head."""
