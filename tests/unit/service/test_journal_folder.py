import os

import pytest

from stepstack.service.sqlite_journal import SqliteJournal


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")
def test_a_folder_that_is_made_for_the_data_is_its_owner_s_alone(tmp_path):
    SqliteJournal(tmp_path / "data").close()

    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
