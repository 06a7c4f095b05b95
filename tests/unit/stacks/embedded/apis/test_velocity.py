import pytest

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.apis import velocity_expressions
from stepstack.stacks.embedded.apis.velocity import VelocityTemplate

PEOPLE = {"people": [{"name": "Ann", "age": 40}, {"name": "Bob", "age": 9}], "n": 3, "text": "it's", "none": None, "flag": False}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$text and ${text}s", "it's and it'ss"),
        ("$unknown ${unknown.b} $!unknown!", "$unknown ${unknown.b} !"),
        ("costs $5 and #1 #hash", "costs $5 and #1 #hash"),
        (r"\$text \#set", "$text #set"),
        (r"\\$text \\\$text", r"\it's \$text"),
        (r'{"pattern": "a\\d\$5\#7", "path": "C:\\"}', r'{"pattern": "a\\d\$5\#7", "path": "C:\\"}'),
        ("a #{colour} and #{set}($a = 1)$a", "a #{colour} and 1"),
        ("#set($a = 1.5)#set($b = $a * 10000000.0)$a $b", "1.5 1.5E7"),
        ("a ## comment\nb #* another *#c #[[ $text ]]#", "a b c  $text "),
        ("$people[0].name $people.get(1).name $people[7]", "Ann Bob $people[7]"),
        ("#set($a = $n + 1)\n#set($b = 7 / 2)$a $b", "4 3"),
        ("#set($a = \"$text!\")#set($b = '$text!')$a $b", "it's! $text!"),
        ('#set($m = {"a": 1, "b": [1, 2]})#set($m.c = "x")$m.a $m.c $m', "1 x {a=1, b=[1,2], c=x}"),
        ("#if($n > 2 && !$flag)yes#{else}no#end", "yes"),
        ("#if($n == 1)one#elseif($n == 3)three#else\nmore#end", "three"),
        ('#if($none)a#end#if($unknown)b#end#if($text == "it\'s")c#end', "c"),
        ("#foreach($p in $people)$p.name#if($foreach.hasNext), #end#end", "Ann, Bob"),
        ("#foreach($i in [1..5])#if($i == 4)#break#end$i#end", "123"),
        ("#set($m = {'a': 1})#foreach($e in $m.entrySet())$e.key=$e.value#end", "a=1"),
        ("$people.size() $text.length() $text.toUpperCase() $text.replaceAll(\"'\", '')", "2 4 IT'S its"),
        ("$text.replaceAll('(.)t', '$1-')", "i-'s"),
        ("#set($l = [])#set($x = $l.add($n))$l", "[3]"),
        ("before#stop after", "before"),
        ("#if($n >= 3 || $flag)#set($r = (1 + 2) * 3)$r#end", "9"),
    ],
)
def test_a_template_is_rendered_as_velocity_renders_it(template, text):
    assert VelocityTemplate(template).render(PEOPLE) == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("#macro(a)#end", "#macro is not supported"),
        ("#if($a)", "#end is missing"),
        ("#end", "#end has no beginning"),
        ("#set($a)", "= is missing"),
        ("#set($a = )", "an expression is missing"),
        ("#set($a = 'b)", "a string lacks its '"),
        ("#set($a = " + "(" * 100 + "1" + ")" * 100 + ")", "nest deeper"),
        ("#* never ended", "*# is missing"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused_when_it_is_compiled(template, reason):
    with pytest.raises(UnsupportedFeature, match=r"mapping template") as refusal:
        VelocityTemplate(template)

    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("$text.equalsIgnoreCase($n)", "calls equalsIgnoreCase on a string as it cannot be called"),
        ("#foreach($i in [1..200000])#end", "a range has at most 100000 numbers"),
    ],
)
def test_what_cannot_be_rendered_is_told(template, reason):
    with pytest.raises(UnsupportedFeature, match=reason):
        VelocityTemplate(template).render(PEOPLE)


def test_a_method_that_is_not_there_is_named():
    with pytest.raises(UnsupportedFeature, match="calls explode, which is not supported on a string"):
        VelocityTemplate("$text.explode()").render(PEOPLE)


def test_a_loop_does_not_make_texts_without_end():
    nested = "#foreach($a in [1..1000])" * 3 + "xxxxxxxxxxxxxxxxxxxx" + "#end" * 3

    with pytest.raises(UnsupportedFeature, match="more than 10000000 characters"):
        VelocityTemplate(nested).render({})


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("#foreach($i in [1..1001])#end", "more than 1000 times"),
        ("#set($s = 'xxxxxxxxxx')#foreach($i in [1..100])#set($s = $s + $s)#end", "texts that are too long"),
        ("#set($s = 'xxxxxxxxxx')#foreach($i in [1..100])#set($s = \"$s$s\")#end", "more than 10000000 characters"),
        ("#set($s = 'xxxxxxxxxx')#foreach($i in [1..100])#set($s = $s.concat($s))#end", "texts that are too long"),
        ("#set($s = 'xxxxxxxxxx')#foreach($i in [1..100])#set($s = $s.replace('x', $s))#end", "more than 10000000 characters"),
        ("#set($s = 'xxxxxxxxxx')#foreach($i in [1..100])#set($s = $s.replaceAll('x', $s))#end", "too long"),
        ("#set($a = 10)#foreach($i in [1..100])#set($a = $a * $a)#end", "too large"),
        ("#set($l = [1])#foreach($i in [1..100])#set($x = $l.addAll($l))#end", "a list of more than 100000 members"),
        ("#set($l = [1])#foreach($i in [1..100])#set($l = [$l, $l])#end$l", "more than 1000000 values"),
        ("#set($m = {})#set($x = $m.put('m', $m))$m", "more than 1000000 values"),
    ],
)
def test_what_grows_without_end_is_ended(template, reason):
    with pytest.raises(UnsupportedFeature, match=reason):
        VelocityTemplate(template).render({})


def test_a_rendering_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(velocity_expressions, "RENDERING_SECONDS", 0.02)
    template = VelocityTemplate("#foreach($a in [1..1000])" * 3 + "#end" * 3)

    with pytest.raises(UnsupportedFeature, match="takes longer"):
        template.render({})


@pytest.mark.parametrize("use", ["matches('(x+x+)+y')", "replaceAll('(x+x+)+y', '')", "split('(x+x+)+y')"])
def test_a_regular_expression_that_takes_too_long_is_ended(monkeypatch, use):
    monkeypatch.setattr("stepstack.query.time_bound.TIME_LIMIT_SECONDS", 0.02)

    with pytest.raises(UnsupportedFeature, match="takes longer"):
        VelocityTemplate(f"$text.{use}").render({"text": "x" * 5000})


def test_whole_numbers_are_divided_as_java_divides_them():
    assert VelocityTemplate("#set($a = -7 / 2)#set($b = $n / 10)$a $b").render({"n": 10**20}) == f"-3 {10**19}"
