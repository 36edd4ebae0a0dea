"""The only place that converts between records and messages."""
