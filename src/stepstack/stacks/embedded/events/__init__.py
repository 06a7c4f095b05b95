"""What brings events to their targets: event source mappings, EventBridge's rules and schedules, S3's notifications."""
