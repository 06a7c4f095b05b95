"""What Tasks call: services, functions and HTTP endpoints; and mocks in their place."""
