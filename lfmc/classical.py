"""The samplers of chains by name, in the order of tables, with what each does. Imports nothing.

All but `hybrid` are classical; it joins them because its chain is one of updates too.

A sampler is a name here, its settings in `lfmc.config.sampler_sections`, and its kernel in
`lfmc.samplers`; command, workflow rule, tuning, division and files follow from these.
"""

WITH_DH = ("hmc", "hmc-tuned")  # those that record dH of every update

CLASSICAL = {
    "hmc": "Sample with hybrid Monte Carlo.",
    "local": "Sample with local Metropolis.",
    "cluster": "Sample with the embedded Wolff cluster algorithm.",
    "heatbath": "Sample with a heat bath of every link or site.",
    "instanton": "Sample with a heat bath and moves between topological sectors.",
    "hmc-tuned": "Sample with HMC of tuned length and number of steps.",
    "hybrid": "Sample with proposals of a flow, alternated with updates of another sampler.",
    "overrelaxation": "Sample with a heat bath and reflections that keep the energy.",
    "wolff": "Sample with single clusters of reflected vectors.",
}
