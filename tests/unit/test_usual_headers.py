"""The headers that Chinese check-up systems usually write are understood without a mapping of one's own."""

from __future__ import annotations

import pytest

from wellhouse.ingest import dictionary, mapping
from wellhouse.ingest.dictionary import normal_name
from wellhouse.settings import PROJECT_ROOT

PERSON = (
    "姓名 性别 出生日期 年龄 身份证号 证件号码 证件类型 手机号 联系电话 单位名称 部门 工号 婚姻状况 民族 住址 档案号"
)
EXAM = "体检号 体检编号 登记号 体检日期 登记日期 体检类型 套餐 套餐名称 分院 机构 总检医生 总检日期 报告日期"
RESULT = (
    "科室 大项 组合项目 小项 项目名称 项目代码 结果 检查结果 单位 参考范围 参考值 提示 异常标志 检查医生 检查日期 "
    "总检结论 综述 阳性发现 建议 健康建议 重要异常结果"
)
FOLLOW_UP = "随访日期 随访方式 随访人 随访结果 下次随访日期 通话时长"
CARD = "卡号 卡类型 有效期至 套餐"
ENGLISH = "name sex birth_date id_number phone exam_number exam_date item_code item value unit gender age"
UNITS = (
    "umol/L μmol/L µmol/L U/L IU/L g/l 10^9/L ×10^9/L 10⁹/L 10E9/L x10^9/L 10*9/L 10^12/L ×10¹²/L T/L ％ mmHg "
    "次/分 bpm kg/㎡ kg/m² ℃ mIU/L μIU/mL ng/ml pg/ml mg/dl mm/h mm/1h fl pg μg/L ug/L mL/min/1.73m² ml/min/1.73㎡ "
    "10^3/μL K/uL kPa"
)


def understood(source: str, header: str) -> bool:
    own = mapping.read(PROJECT_ROOT / f"mappings/{source}.yaml")
    return bool(own.find([header])) or normal_name(header) in own.ignore


@pytest.mark.parametrize("header", [*PERSON.split(), *EXAM.split(), *RESULT.split(), *ENGLISH.split()])
def test_of_an_exam(header: str) -> None:
    assert understood("exam", header)


@pytest.mark.parametrize("header", FOLLOW_UP.split())
def test_of_a_follow_up(header: str) -> None:
    assert understood("follow_up", header)


@pytest.mark.parametrize("header", CARD.split())
def test_of_a_card(header: str) -> None:
    assert understood("card", header)


@pytest.mark.parametrize("unit", UNITS.split())
def test_spellings_of_units(unit: str) -> None:
    assert dictionary.load(PROJECT_ROOT).unit(unit) is not None
