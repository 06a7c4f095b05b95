import pytest

from stepstack.errors import UnsupportedFeature
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
