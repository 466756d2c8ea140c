"""Small reports in the forms that the tools write them: csynth.xml and csynth.rpt by module, and report_utilization.

The forms are those of Vivado HLS 2018.2 and 2019.2 and of Vitis HLS 2022.2 and 2025.1, as published runs have them:
every module calls itself the top in its own XML and has ports, names and orders of resources differ, so do the columns.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from xml.sax.saxutils import escape

import pytest

from shared.hls import hls_settings

PART = "xcvu13p-flga2577-2-e"


@dataclass(frozen=True)
class Tool:
    """What differs between versions."""

    version: str
    vitis: bool
    resources: tuple
    times: bool

    @property
    def dsp(self):
        """What the tool calls a DSP."""
        return "DSP" if self.vitis else "DSP48E"


TOOLS = {
    tool.version: tool
    for tool in (
        Tool("2018.2", False, ("BRAM_18K", "DSP48E", "FF", "LUT"), False),
        Tool("2019.2", False, ("DSP48E", "FF", "LUT", "BRAM_18K", "URAM"), True),
        Tool("2022.2", True, ("DSP", "FF", "LUT", "BRAM_18K", "URAM"), True),
        Tool("2025.1", True, ("BRAM_18K", "DSP", "FF", "LUT", "URAM"), True),
    )
}


@dataclass
class Module:
    """What one module uses with all that is inside it."""

    name: str
    dsp: int = 0
    bram18: int = 0
    ff: int = 100
    lut: int = 200
    latency: object = 4
    interval: object = 1
    inside: list = field(default_factory=list)
    ports: tuple = ()
    streams: int = 0

    def counts(self, tool):
        """Its counts by the tool's names."""
        values = {"BRAM_18K": self.bram18, tool.dsp: self.dsp, "FF": self.ff, "LUT": self.lut, "URAM": 0}
        return {name: values[name] for name in tool.resources}


def top_ports(inputs, outputs, bits=16, suffix=""):
    """Ports of a top function: an input is packed into one, outputs are side by side."""
    ports = []
    for name, size in inputs.items():
        ports += [(f"{name}{suffix}_ap_vld", "in", 1, "ap_vld", f"{name}{suffix}")]
        ports += [(f"{name}{suffix}", "in", size * bits, "ap_vld", f"{name}{suffix}")]
    for name, size in outputs.items():
        for number in range(size):
            one = f"{name}_{number}{suffix}"
            ports += [(one, "out", bits, "ap_vld", one), (f"{one}_ap_vld", "out", 1, "ap_vld", one)]
    return tuple(ports)


def dense_ports(n_in, n_out, bits=16, packed=False, name="p_read"):
    """Ports of a function with arrays in registers: values come side by side or in one word, and are returned."""
    if packed:
        inputs = [(name, "in", n_in * bits, "ap_none", name)]
    else:
        inputs = [(f"{name}{number}", "in", bits, "ap_none", f"{name}{number}") for number in range(n_in)]
    enable = [("ap_ce", "in", 1, "ap_ctrl_hs", "dense_latency<...>")]
    outputs = [(f"ap_return_{number}", "out", bits, "ap_ctrl_hs", "dense_latency<...>") for number in range(n_out)]
    return (*inputs, *enable, *outputs)


def xml(module, part, tool, clock):
    """The XML of one module, which names itself as its top."""
    control = (("ap_clk", "in", 1, "ap_ctrl_hs", module.name), ("ap_rst", "in", 1, "ap_ctrl_hs", module.name))
    ports = "".join(
        f"<RtlPorts>\n<name>{name}</name>\n<Object>{escape(argument)}</Object>\n<Type>scalar</Type>\n<Scope></Scope>\n"
        f"<IOProtocol>{protocol}</IOProtocol>\n<IOConfig></IOConfig>\n<Dir>{direction}</Dir>\n<Bits>{bits}</Bits>\n"
        f"</RtlPorts>\n"
        for name, direction, bits, protocol, argument in (*control, *module.ports)
    )
    counts = "".join(f"<{name}>{number}</{name}>\n" for name, number in module.counts(tool).items())
    return f"""<profile>

<ReportVersion>
<Version>{tool.version}</Version>
</ReportVersion>

<UserAssignments>
<unit>ns</unit>
<ProductFamily>virtexuplus</ProductFamily>
<Part>{part}</Part>
<TopModelName>{module.name}</TopModelName>
<TargetClockPeriod>{clock:.2f}</TargetClockPeriod>
<ClockUncertainty>1.35</ClockUncertainty>
</UserAssignments>

<PerformanceEstimates>
<PipelineType>{"yes" if tool.vitis else "function"}</PipelineType>
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
{counts}</Resources>
<AvailableResources>
<BRAM_18K>5376</BRAM_18K>
<{tool.dsp}>12288</{tool.dsp}>
<FF>3456000</FF>
<LUT>1728000</LUT>
<URAM>1280</URAM>
</AvailableResources>
</AreaEstimates>

<InterfaceSummary>
{ports}</InterfaceSummary>

</profile>
"""


def rpt(module, modules, part, tool):
    """The text of one module."""
    columns = [name for name in ("BRAM_18K", tool.dsp, "FF", "LUT", "URAM") if name in tool.resources]

    def row(label, counts, width=9):
        return f"|{label}|" + "".join(f"{counts.get(name, '-'):>{width}}|" for name in columns)

    head = f"|{'Name':^17}|" + "".join(f"{name:>9}|" for name in columns)
    cycles = f"|{module.latency:>9}|{module.latency:>9}|"
    if tool.times:
        cycles += "  0.160 us |  0.160 us |"
    cycles += f"{module.interval:>5}|{module.interval:>5}| {'yes' if tool.vitis else 'function'} |"
    instances = "".join(
        "    " + row(f"grp_{name}_fu_{95 + number}  |{name}  ", modules[name].counts(tool)) + "\n"
        for number, name in enumerate(module.inside)
    )
    ports = "".join(
        f"|{name}  | {direction} | {bits:>4}|  {protocol} |  {argument} |  scalar |\n"
        for name, direction, bits, protocol, argument in (
            ("ap_clk", "in", 1, "ap_ctrl_hs", module.name),
            *module.ports,
        )
    )
    return f"""

================================================================
== {"Vitis" if tool.vitis else "Vivado"} HLS Report for '{module.name}'
================================================================
* Date:           Wed May  6 12:32:44 2026

* Version:        {tool.version} (Build 3854077 on May  4 2023)
* Project:        myproject_prj
* Solution:       solution1
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
+-----------------+---------+--------+--------+--------+-----+
{head}
+-----------------+---------+--------+--------+--------+-----+
{row("DSP              ", {})}
{row("FIFO             ", {"BRAM_18K": module.streams} if module.streams else {})}
{row("Instance         ", {"BRAM_18K": 1, tool.dsp: 2, "FF": 3, "LUT": 4})}
+-----------------+---------+--------+--------+--------+-----+
{row("Total            ", module.counts(tool))}
+-----------------+---------+--------+--------+--------+-----+
{row("Available        ", {"BRAM_18K": 5376, tool.dsp: 12288, "FF": 3456000, "LUT": 1728000, "URAM": 1280})}
{row("Utilization (%)  ", {"BRAM_18K": "~0", tool.dsp: 20, "FF": "~0", "LUT": 6, "URAM": 0})}
+-----------------+---------+--------+--------+--------+-----+

+ Detail:{" "}
    * Instance:{" "}
    +--------------------+--------------------+---------+------+------+------+-----+
    |      Instance      |       Module       |{"".join(f"{name:>9}|" for name in columns)}
    +--------------------+--------------------+---------+------+------+------+-----+
{instances}    {row("mul_16s_16s_26_1_1_U7  |mul_16s_16s_26_1_1  ", {"BRAM_18K": 0, tool.dsp: 1, "FF": 0, "LUT": 5})}
    +--------------------+--------------------+---------+------+------+------+-----+
    {row("Total               |                    ", {})}
    +--------------------+--------------------+---------+------+------+------+-----+

    * DSP:{" "}
    N/A


================================================================
== Interface
================================================================
* Summary:{" "}
+---------------------+-----+-----+------------+--------------+--------------+
|      RTL Ports      | Dir | Bits|  Protocol  | Source Object|    C Type    |
+---------------------+-----+-----+------------+--------------+--------------+
{ports}+---------------------+-----+-----+------------+--------------+--------------+

"""


SAME = "ap_fixed_16_6_5_3_0"
FC1 = f"dense_ap_fixed_{SAME}_config2_0_0"
FC2 = f"dense_ap_fixed_{SAME}_config4_s"
RELU = f"relu_ap_fixed_{SAME}_relu_config3_s"
CONFIG = hls_settings()
PORTS = top_ports({"input_layer": 16}, {"layer5_out": 5})


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

    def write(project, modules, kinds=("xml", "rpt"), part=PART, tool="2022.2", clock=5.0, synthesised=None):
        folder = project / f"{modules[0].name}_prj" / "solution1" / "syn" / "report"
        folder.mkdir(parents=True, exist_ok=True)
        by_name = {module.name: module for module in modules}
        for module in modules:
            if "xml" in kinds:
                (folder / f"{module.name}_csynth.xml").write_text(xml(module, part, TOOLS[tool], clock))
            if "rpt" in kinds:
                (folder / f"{module.name}_csynth.rpt").write_text(rpt(module, by_name, part, TOOLS[tool]))
        if synthesised is not None:
            device = part.replace("-", "", 1)
            (project / "vivado_synth.rpt").write_text(UTILISATION.format(device=device, **synthesised))
        return folder

    return write


@pytest.fixture
def forms():
    """What modules are made of, and the names that HLS gives those of the network."""
    return SimpleNamespace(
        Module=Module, top_ports=top_ports, dense_ports=dense_ports, fc1=FC1, fc2=FC2, relu=RELU, same=SAME
    )


@pytest.fixture
def network():
    """Make the network, or one like it."""
    return _network


def _network(width=8, seed=1, inputs=16, name="input_layer"):
    """Two Dense layers, with a relu and a softmax behind them."""
    import keras

    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense
    return keras.Sequential(
        [
            keras.Input((inputs,), name=name),
            dense(width, activation="relu", name="fc1"),
            dense(5, activation="softmax", name="fc2"),
        ]
    )


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The project that hls4ml writes of the network."""
    from knapprune.project.export import export

    folder = tmp_path_factory.mktemp("own") / "project"
    export(_network(), CONFIG, folder)
    return folder


@pytest.fixture
def counts():
    """What is predicted and counted in the network's project: in halves, and in blocks, whichever is asked for."""
    from knapprune.verification.comparison import LayerCheck

    uses = {"fc1": {"dsp": 32, "bram18": 29, "bram": 15}, "fc2": {"dsp": 10, "bram18": 9, "bram": 5}}
    return {name: LayerCheck("resource_unrolled", 4, use, use, 0) for name, use in uses.items()}


@pytest.fixture
def run():
    """The modules of a run that agrees: the tool has put two of fc1's products into look-up tables."""
    return [
        Module("myproject", dsp=41, bram18=43, ff=5000, lut=9000, latency=30, interval=4, inside=[FC1, RELU, FC2],
               ports=PORTS),
        Module(FC1, dsp=30, bram18=31, ff=2000, lut=4000, latency=9, interval=4, ports=dense_ports(16, 8, packed=True)),
        Module(RELU, lut=80, latency=0, ports=dense_ports(8, 8)),
        Module(FC2, dsp=10, bram18=10, ff=700, lut=900, latency=8, interval=4, ports=dense_ports(8, 5)),
    ]  # fmt: skip
