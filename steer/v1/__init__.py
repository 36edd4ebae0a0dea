"""Generated from proto/steer/v1; see proto/README.md. Never edited by hand."""
