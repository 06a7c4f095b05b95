import importlib

import pytest


@pytest.mark.parametrize("name", ["stepstack", "stepstack.testing"])
def test_every_name_that_a_package_offers_loads(name):
    package = importlib.import_module(name)
    assert all(getattr(package, offered) is not None for offered in package.__all__)


def test_a_name_that_a_package_does_not_offer_is_missing():
    for name in ("stepstack", "stepstack.testing"):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = importlib.import_module(name).nothing
