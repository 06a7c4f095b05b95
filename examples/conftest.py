"""Each example is a project of its own, with its own pytest.ini: run pytest in its folder. From above, nothing in here is collected."""

collect_ignore_glob = ["*"]
