"""Lambda: functions in this process and their API (`lambda_*.py`), durable functions (`durable_*.py`)."""
