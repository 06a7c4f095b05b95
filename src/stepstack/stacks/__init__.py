"""Where services run: embedded in this process, on Docker Compose, on dynalite, on AWS, or at given endpoints.

`stepstack.testing.Stack` puts them together; nothing here knows pytest.
"""
