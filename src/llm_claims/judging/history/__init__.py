"""History: what live runs measured, night by night, and whether anything has changed."""
