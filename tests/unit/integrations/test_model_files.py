import botocore.loaders
import pytest
from botocore.utils import CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES

from stepstack.integrations.model_files import NAMES_THAT_DIFFER, read_model, sdk_name, sdk_services


def test_the_names_that_differ_are_botocores():
    differing = {name: words for name, words in CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES.items() if sdk_name(name) != sdk_name(words)}
    assert differing == NAMES_THAT_DIFFER


def test_every_service_of_botocore_has_a_name_of_its_own():
    services = set(botocore.loaders.create_loader().list_available_services("service-2"))
    the_same_as_pinpoint_sms_voice = {"sms-voice"}
    assert set(sdk_services().values()) == services - the_same_as_pinpoint_sms_voice


@pytest.mark.parametrize("service", ["dynamodb", "cloudfront", "stepfunctions"])
def test_the_newest_model_is_read(service):
    assert read_model(service)["metadata"] == botocore.loaders.create_loader().load_service_model(service, "service-2")["metadata"]


@pytest.mark.parametrize("service", ["nosuch", "../data/s3", ""])
def test_what_is_no_service_has_no_model(service):
    with pytest.raises(KeyError):
        read_model(service)
