"""Small reports in the form that the tools write them: csynth.xml and csynth.rpt by module, and report_utilization."""

from dataclasses import dataclass, field

import pytest

PART = "xcvu13p-flga2577-2-e"


@dataclass
class Module:
    """What one module uses with all that is inside it."""

    name: str
    dsp: int = 0
    bram_18k: int = 0
    ff: int = 100
    lut: int = 200
    latency: int = 4
    interval: int = 1
    inside: list = field(default_factory=list)
    ports: tuple = ()


def xml(module, top, part, vitis, clock):
    dsp = "DSP" if vitis else "DSP48E"
    ports = "".join(
        f"<RtlPorts>\n<name>{port}_ap_vld</name>\n<Object>{port}</Object>\n<Bits>16</Bits>\n</RtlPorts>\n"
        for port in module.ports
    )
    return f"""<profile>

<ReportVersion>
<Version>{"2023.1" if vitis else "2019.2"}</Version>
</ReportVersion>

<UserAssignments>
<unit>ns</unit>
<ProductFamily>virtexuplus</ProductFamily>
<Part>{part}</Part>
<TopModelName>{top}</TopModelName>
<TargetClockPeriod>{clock:.2f}</TargetClockPeriod>
<ClockUncertainty>1.35</ClockUncertainty>
</UserAssignments>

<PerformanceEstimates>
<PipelineType>yes</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>3.643</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>{module.latency}</Best-caseLatency>
<Average-caseLatency>{module.latency}</Average-caseLatency>
<Worst-caseLatency>{module.latency}</Worst-caseLatency>
<Interval-min>{module.interval}</Interval-min>
<Interval-max>{module.interval}</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>

<AreaEstimates>
<Resources>
<BRAM_18K>{module.bram_18k}</BRAM_18K>
<{dsp}>{module.dsp}</{dsp}>
<FF>{module.ff}</FF>
<LUT>{module.lut}</LUT>
<URAM>0</URAM>
</Resources>
<AvailableResources>
<BRAM_18K>5376</BRAM_18K>
<{dsp}>12288</{dsp}>
<FF>3456000</FF>
<LUT>1728000</LUT>
<URAM>1280</URAM>
</AvailableResources>
</AreaEstimates>

<InterfaceSummary>
{ports}</InterfaceSummary>

</profile>
"""


def rpt(module, modules, part, vitis):
    dsp = " DSP " if vitis else "DSP48E"
    cycles = f"|{module.latency:>9}|{module.latency:>9}|"
    if vitis:
        cycles += f"  {5 * module.latency}.000 ns|  {5 * module.latency}.000 ns|"
    cycles += f"{module.interval:>5}|{module.interval:>5}|      yes|"
    rows = "".join(
        f"    |grp_{name}_fu_{number}  |{name}  |{modules[name].bram_18k:>9}|{modules[name].dsp:>6}|"
        f"{modules[name].ff:>6}|{modules[name].lut:>6}|    0|\n"
        for number, name in enumerate(module.inside)
    )
    return f"""

================================================================
== {"Vitis" if vitis else "Vivado"} HLS Report for '{module.name}'
================================================================
* Date:           Wed May  6 12:32:44 2026

* Version:        {"2023.1 (Build 3854077 on May  4 2023)" if vitis else "2019.2 (Build 2704478 on Wed Nov 06 2019)"}
* Project:        myproject_prj
* Solution:       solution1 (Vivado IP Flow Target)
* Product family: virtexuplus
* Target device:  {part}


================================================================
== Performance Estimates
================================================================
+ Timing:{" "}
    * Summary:{" "}
    +--------+---------+----------+------------+
    |  Clock |  Target | Estimated| Uncertainty|
    +--------+---------+----------+------------+
    |ap_clk  |  5.00 ns|  3.643 ns|     1.35 ns|
    +--------+---------+----------+------------+

+ Latency:{" "}
    * Summary:{" "}
    +---------+---------+-----+-----+---------+
    |  Latency (cycles) |  Interval | Pipeline|
    |   min   |   max   | min | max |   Type  |
    +---------+---------+-----+-----+---------+
    {cycles}
    +---------+---------+-----+-----+---------+

    + Detail:{" "}
        * Instance:{" "}
        +---------------+---------+---------+---------+-----+-----+---------+
        |    Instance   |  Module |   min   |   max   | min | max |   Type  |
        +---------------+---------+---------+---------+-----+-----+---------+
        |grp_other_fu_9 |other    |        4|        4|    1|    1|      yes|
        +---------------+---------+---------+---------+-----+-----+---------+


================================================================
== Utilization Estimates
================================================================
* Summary:{" "}
+-----------------+---------+------+--------+--------+-----+
|       Name      | BRAM_18K|{dsp}|   FF   |   LUT  | URAM|
+-----------------+---------+------+--------+--------+-----+
|DSP              |        -|     -|       -|       -|    -|
|Expression       |        -|     -|       0|       6|    -|
|Instance         |        1|     2|       3|       4|    -|
+-----------------+---------+------+--------+--------+-----+
|Total            |{module.bram_18k:>9}|{module.dsp:>6}|{module.ff:>8}|{module.lut:>8}|    0|
+-----------------+---------+------+--------+--------+-----+
|Available        |     5376| 12288| 3456000| 1728000| 1280|
+-----------------+---------+------+--------+--------+-----+

+ Detail:{" "}
    * Instance:{" "}
    +--------------------+--------------------+---------+------+------+------+-----+
    |      Instance      |       Module       | BRAM_18K|  DSP |  FF  |  LUT | URAM|
    +--------------------+--------------------+---------+------+------+------+-----+
{rows}    |mul_16s_16s_26_1_1_U7  |mul_16s_16s_26_1_1  |        0|     1|     0|     5|    0|
    +--------------------+--------------------+---------+------+------+------+-----+
    |Total               |                    |        0|     0|     0|     0|    0|
    +--------------------+--------------------+---------+------+------+------+-----+

    * DSP:{" "}
    N/A
"""


UTILISATION = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
------------------------------------------------------------------------------------
| Tool Version : Vivado v.2023.1 (lin64)
| Design       : myproject
| Device       : {device}
| Design State : Synthesized
------------------------------------------------------------------------------------

1. CLB Logic
------------

+----------------------------+--------+-------+------------+-----------+-------+
|          Site Type         |  Used  | Fixed | Prohibited | Available | Util% |
+----------------------------+--------+-------+------------+-----------+-------+
| CLB LUTs*                  |   {lut} |     0 |          0 |   1728000 |  0.30 |
|   LUT as Logic             |      1 |     0 |          0 |   1728000 |  0.26 |
| CLB Registers              |   {ff} |     0 |          0 |   3456000 |  0.12 |
+----------------------------+--------+-------+------------+-----------+-------+

2. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    | {bram} |     0 |          0 |      2688 |  0.05 |
|   RAMB36/FIFO*    |    1 |     0 |          0 |      2688 |  0.90 |
| URAM              |    0 |     0 |          0 |      1280 |  0.00 |
+-------------------+------+-------+------------+-----------+-------+

3. ARITHMETIC
-------------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           | {dsp} |     0 |          0 |     12288 |  0.84 |
+----------------+------+-------+------------+-----------+-------+

13. SLR CLB Logic and Dedicated Block Utilization
-------------------------------------------------

+----------------------------+------+------+--------+--------+
|          Site Type         | SLR0 | SLR1 | SLR0 % | SLR1 % |
+----------------------------+------+------+--------+--------+
| CLB LUTs                   |    7 |    7 |   0.00 |   0.00 |
| DSPs                       |    7 |    7 |   0.00 |   0.00 |
| Block RAM Tile             |    7 |    7 |   0.00 |   0.00 |
+----------------------------+------+------+--------+--------+
"""


@pytest.fixture
def write_reports():
    """Write the reports of some modules, the top one first, where a run of hls4ml's build script leaves them."""

    def write(project, modules, kinds=("xml", "rpt"), part=PART, vitis=True, clock=5.0, synthesised=None):
        folder = project / f"{modules[0].name}_prj" / "solution1" / "syn" / "report"
        folder.mkdir(parents=True)
        by_name = {module.name: module for module in modules}
        for module in modules:
            if "xml" in kinds:
                text = xml(module, modules[0].name, part, vitis, clock)
                (folder / f"{module.name}_csynth.xml").write_text(text)
            if "rpt" in kinds:
                (folder / f"{module.name}_csynth.rpt").write_text(rpt(module, by_name, part, vitis))
        if synthesised is not None:
            device = part.replace("-", "", 1)
            (project / "vivado_synth.rpt").write_text(UTILISATION.format(device=device, **synthesised))
        return folder

    return write


@pytest.fixture
def module():
    """Make a module's numbers."""
    return Module
