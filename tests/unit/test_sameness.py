"""Names, birth dates and sexes that cannot be one person's."""

from __future__ import annotations

import pytest

from wellhouse.crypto.sameness import both, contradict, names_agree


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("张三", "张三", True),
        ("张 三", "张三", True),
        ("张三", "", True),
        ("张三(女)", "张三", True),
        ("张三2", "张三", True),
        ("张*", "张三丰", True),
        ("张＊丰", "张三丰", True),
        ("买买提·吐尔逊", "买买提吐尔逊", True),
        ("张三", "Zhang San", True),
        ("ZHANG, San", "zhang san", True),
        ("Peter James Chalmers", "Chalmers^Peter", True),
        ("张三", "李四", False),
        ("王晓丽", "王晓华", False),
        ("张*", "李四光", False),
        ("Anna Schmidt", "Anna Meyer", False),
    ],
)
def test_names(one: str, other: str, agree: bool) -> None:
    assert names_agree(one, other) is agree
    assert names_agree(other, one) is agree


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ("张三", "张*", "张三"),
        ("张*", "张三", "张三"),
        ("张三", "Zhang San", "张三"),
        ("Zhang San", "张三", "张三"),
        ("San Zhang", "San Li Zhang", "San Li Zhang"),
        ("张三", "", "张三"),
        ("张三", "张三", "张三"),
    ],
)
def test_the_fuller_name_is_kept(one: str, other: str, kept: str) -> None:
    assert both({"name": one, "phone": "1"}, {"name": other, "phone": "2"}) == {"name": kept, "phone": "2"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"birth_date": "1980-01-01"}, {"birth_date": "1980-01-02"}, True),
        ({"birth_date": "1980-01-01"}, {"sex": "male"}, False),
        ({"sex": "male"}, {"sex": "female"}, True),
        ({"name": "张三", "sex": "male"}, {"name": "张 三", "sex": "male", "phone": "1"}, False),
        ({}, {"name": "张三"}, False),
    ],
)
def test_facts(one: dict[str, str], other: dict[str, str], expected: bool) -> None:
    assert contradict(one, other) is expected
