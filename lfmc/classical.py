"""The samplers of chains by name, in the order of tables, with what each does. Imports nothing.

All but those of WITH_MODEL are classical; these join them because their chains are made of updates
too.

A sampler is a name here, its settings in `lfmc.config.sampler_sections`, and its kernel in
`lfmc.samplers`; command, workflow rule, tuning, division and files follow from these.
"""

WITH_MODEL = ("hybrid", "latent-hmc")  # those that need a trained flow
WITH_DH = ("hmc", "hmc-tuned", "latent-hmc")  # those that record dH of every update

CLASSICAL = {
    "hmc": "Sample with hybrid Monte Carlo.",
    "local": "Sample with local Metropolis.",
    "cluster": "Sample with the embedded Wolff cluster algorithm.",
    "heatbath": "Sample with a heat bath of every link or site.",
    "instanton": "Sample with a heat bath and moves between topological sectors.",
    "hmc-tuned": "Sample with HMC of tuned length and number of steps.",
    "hybrid": "Sample with proposals of a flow, alternated with updates of another sampler.",
    "latent-hmc": "Sample with HMC in the base normals of a flow.",
    "overrelaxation": "Sample with a heat bath and reflections that keep the energy.",
    "wolff": "Sample with single clusters of reflected vectors.",
    "flux": "Sample with overrelaxation and moves that drive a unit of topological flux.",
    "flux-tuned": "Sample with overrelaxation and trained moves of the flux of one plaquette.",
}
