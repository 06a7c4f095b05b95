import pytest

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.apis.mapping_templates import MappingTemplate, TemplateData

DATA = TemplateData(
    '{"name": "Ann", "tags": ["a", "b"], "deep": {"n": 1.5}, "quote": "it\'s \\"so\\""}',
    path={"id": "7"},
    query={"page": "2"},
    headers={"X-Tenant": "t1"},
    context={"requestId": "r-1", "identity": {"sourceIp": "127.0.0.1"}},
    stage_variables={"table": "people"},
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$input.json('$')", '{"name":"Ann","tags":["a","b"],"deep":{"n":1.5},"quote":"it\'s \\"so\\""}'),
        ("$input.json('$.deep') $input.json('$.nothing')", '{"n":1.5} ""'),
        ("$input.path('$.name') [$!input.path('$.nothing')] $input.path('$.tags[1]')", "Ann [] b"),
        ("$input.path('$').deep.n $input.path('$.tags').size()", "1.5 2"),
        ("$input.params('id') $input.params('page') $input.params('x-tenant') [$input.params('none')]", "7 2 t1 []"),
        ("$input.params().querystring.page $input.params().header.get('X-Tenant')", "2 t1"),
        ("$context.requestId $context.identity.sourceIp [$context.authorizer.principalId]", "r-1 127.0.0.1 []"),
        ("$stageVariables.table [$stageVariables.other]", "people []"),
        ("$util.escapeJavaScript($input.json('$.quote'))", r"\"it\'s \\\"so\\\"\""),
        ("$util.base64Encode('a') $util.base64Decode('YQ==') $util.urlEncode('a b&') $util.urlDecode('a%20b')", "YQ== a a+b%26 a b"),
        ("#set($parsed = $util.parseJson('{\"a\": [1]}'))$parsed.a[0]", "1"),
        ("$util.escapeJavaScript('ü/é')", r"\u00FC\/\u00E9"),
    ],
)
def test_what_a_template_reads_of_a_request(template, text):
    assert MappingTemplate(template).render(DATA) == text


def test_an_absent_body_is_an_empty_object_and_a_broken_one_a_bad_request():
    template = MappingTemplate("$input.json('$')")

    assert template.render(TemplateData("")) == "{}"
    with pytest.raises(ServiceError, match="Could not parse request body into json"):
        template.render(TemplateData("{broken"))


def test_the_body_as_it_is_need_be_no_json():
    assert MappingTemplate("$input.body").render(TemplateData("{broken")) == "{broken"


def test_what_a_template_overrides_can_be_seen_afterwards():
    context = {"requestId": "r"}

    MappingTemplate('#set($context.requestOverride.header.X-Amz-Target = "A.B")').render(TemplateData("", context=context))

    assert context["requestOverride"] == {"header": {"X-Amz-Target": "A.B"}}


def test_a_body_that_is_nested_too_deeply_is_a_bad_request():
    with pytest.raises(ServiceError, match="nested too deeply"):
        MappingTemplate("$input.json('$')").render(TemplateData("[" * 100_000))
    with pytest.raises(UnsupportedFeature, match="what is no JSON"):
        MappingTemplate("$util.parseJson($input.body)").render(TemplateData("[" * 100_000))
