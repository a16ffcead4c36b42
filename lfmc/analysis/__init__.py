"""Observables, autocorrelation, fits and gates: arrays in, tables out.

Nothing here knows how a sample was made: a chain arrives as `lfmc.chains.Chain`, and leaves as
rows of a tidy table. One idea per file, in the order of the pipeline:

    bins -> jackknife -> correlator -> measurement          (lfmc measure)
    gamma_method, rejections, weights, convergence -> autocorrelation   (lfmc autocorrelation)
    scaling, costs -> tables                                 (lfmc fit)
    reference -> gates                                       (lfmc gates)
"""
