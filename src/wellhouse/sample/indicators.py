"""The indicators that the sites examine: names, units, digits and reference intervals as laboratories print them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Indicator:
    """One indicator. Intervals are (low, high) in ``unit``, an infinite bound where none is printed.

    ``us_unit``, ``us_factor``: what the third site reports instead, with unit = us_factor * us_unit.
    ``deep``: only in the larger packages.
    """

    code: str
    group: str
    name: str
    unit: str
    digits: int
    male: tuple[float, float]
    female: tuple[float, float]
    deep: bool = False
    us_unit: str = ""
    us_factor: float = 1.0
    us_digits: int = 0

    @property
    def ordinal(self) -> bool:
        return self.digits < 0


INF = float("inf")
_ANY = (-INF, INF)
_NONE = (-INF, 0.5)
"""Ordinal results are counted from 0, negative."""


def _same(
    code: str, group: str, name: str, unit: str, digits: int, *, interval: tuple[float, float], deep: bool = False,
    us_unit: str = "", us_factor: float = 1.0,
) -> Indicator:  # fmt: skip
    """One interval for both sexes."""
    return Indicator(code, group, name, unit, digits, interval, interval, deep, us_unit, us_factor)


INDICATORS: tuple[Indicator, ...] = (
    _same("HEIGHT", "一般检查", "身高", "cm", 1, interval=_ANY),
    _same("WEIGHT", "一般检查", "体重", "kg", 1, interval=_ANY),
    _same("BMI", "一般检查", "体重指数", "kg/m²", 1, interval=(18.5, 23.9)),
    Indicator("WAIST", "一般检查", "腰围", "cm", 0, (-INF, 84.9), (-INF, 79.9)),
    _same("SBP", "一般检查", "收缩压", "mmHg", 0, interval=(90, 139)),
    _same("DBP", "一般检查", "舒张压", "mmHg", 0, interval=(60, 89)),
    _same("HR", "一般检查", "心率", "次/分", 0, interval=(60, 100)),
    _same("FPG", "血糖", "空腹血糖", "mmol/L", 2, interval=(3.9, 6.0), us_unit="mg/dL", us_factor=0.0555),
    _same("HBA1C", "血糖", "糖化血红蛋白", "%", 1, interval=(4.0, 6.0), deep=True),
    _same("TC", "血脂", "总胆固醇", "mmol/L", 2, interval=(-INF, 5.19), us_unit="mg/dL", us_factor=0.02586),
    _same("TG", "血脂", "甘油三酯", "mmol/L", 2, interval=(-INF, 1.69), us_unit="mg/dL", us_factor=0.01129),
    _same("HDLC", "血脂", "高密度脂蛋白胆固醇", "mmol/L", 2, interval=(1.0, INF), us_unit="mg/dL", us_factor=0.02586),
    _same("LDLC", "血脂", "低密度脂蛋白胆固醇", "mmol/L", 2, interval=(-INF, 3.39), us_unit="mg/dL", us_factor=0.02586),
    Indicator(
        "UA", "肾功能", "尿酸", "μmol/L", 0, (208, 428), (155, 357), us_unit="mg/dL", us_factor=59.48, us_digits=1
    ),
    Indicator("CREA", "肾功能", "肌酐", "μmol/L", 0, (57, 97), (41, 73), us_unit="mg/dL", us_factor=88.4, us_digits=2),
    Indicator("UREA", "肾功能", "尿素", "mmol/L", 1, (3.1, 8.0), (2.6, 7.5)),
    Indicator("ALT", "肝功能", "谷丙转氨酶", "U/L", 0, (9, 50), (7, 40)),
    Indicator("AST", "肝功能", "谷草转氨酶", "U/L", 0, (15, 40), (13, 35)),
    Indicator("GGT", "肝功能", "谷氨酰转肽酶", "U/L", 0, (10, 60), (7, 45)),
    Indicator("ALP", "肝功能", "碱性磷酸酶", "U/L", 0, (45, 125), (35, 100)),
    Indicator("TBIL", "肝功能", "总胆红素", "μmol/L", 1, (-INF, 26.0), (-INF, 21.0)),
    _same("TP", "肝功能", "总蛋白", "g/L", 1, interval=(65, 85)),
    _same("ALB", "肝功能", "白蛋白", "g/L", 1, interval=(40, 55)),
    _same("GLB", "肝功能", "球蛋白", "g/L", 1, interval=(20, 40)),
    _same("WBC", "血常规", "白细胞计数", "10^9/L", 2, interval=(3.5, 9.5)),
    Indicator("RBC", "血常规", "红细胞计数", "10^12/L", 2, (4.3, 5.8), (3.8, 5.1)),
    Indicator(
        "HGB", "血常规", "血红蛋白", "g/L", 0, (130, 175), (115, 150), us_unit="g/dL", us_factor=10.0, us_digits=1
    ),
    Indicator("HCT", "血常规", "红细胞压积", "%", 1, (40, 50), (35, 45)),
    _same("MCV", "血常规", "平均红细胞体积", "fL", 1, interval=(82, 100)),
    _same("MCH", "血常规", "平均血红蛋白量", "pg", 1, interval=(27, 34)),
    _same("PLT", "血常规", "血小板计数", "10^9/L", 0, interval=(125, 350)),
    _same("NEUTP", "血常规", "中性粒细胞百分比", "%", 1, interval=(40, 75)),
    _same("LYMP", "血常规", "淋巴细胞百分比", "%", 1, interval=(20, 50)),
    _same("TSH", "甲状腺", "促甲状腺激素", "mIU/L", 2, interval=(0.27, 4.2), deep=True),
    _same("HCY", "心血管", "同型半胱氨酸", "μmol/L", 1, interval=(-INF, 15.0), deep=True),
    _same("AFP", "肿瘤标志物", "甲胎蛋白", "ng/mL", 2, interval=(-INF, 7.0), deep=True),
    _same("CEA", "肿瘤标志物", "癌胚抗原", "ng/mL", 2, interval=(-INF, 5.0), deep=True),
    _same("URPH", "尿常规", "尿酸碱度", "", 1, interval=(4.5, 8.0)),
    _same("URPRO", "尿常规", "尿蛋白", "", -1, interval=_NONE),
    _same("URGLU", "尿常规", "尿糖", "", -1, interval=_NONE),
    _same("URKET", "尿常规", "尿酮体", "", -1, interval=_NONE),
    _same("URBLD", "尿常规", "尿潜血", "", -1, interval=_NONE),
)
BY_CODE = {indicator.code: indicator for indicator in INDICATORS}
