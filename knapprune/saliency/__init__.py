"""Saliency: what each weight is worth, and from that each structure.

A measure gives each weight of a layer a number, about what the loss would gain if the weight were removed; a structure
is worth the sum over its weights. A sum is the one rule that holds for all that is done with it: rows share memory
words, a fetch group may keep any of its weights, and the joint choice cuts one layer in several ways. (Molchanov et
al., "Importance estimation for neural network pruning", CVPR 2019, compare it with the effect of the group as a whole.)
Layers are made comparable afterwards; see :mod:`knapprune.saliency.normalisation`.

============ ======================= =================================================================================
measure      a weight is worth       statistic of the gradient g, over the data
============ ======================= =================================================================================
l1           ``|w|``                 none
l2           ``w**2``                none
taylor       ``|g| * |w|``           mean absolute gradient of a batch
fisher       ``1/2 * g**2 * w**2``   mean square over samples: the diagonal of the empirical Fisher information
gauss-newton ``1/2 * f * w**2``      the same with labels drawn from the model: of the Fisher information itself
hessian      ``1/2 * h * w**2``      diagonal h of the Hessian, by Hutchinson's estimator
movement     ``-g * w``              mean gradient
============ ======================= =================================================================================

The last two have a sign. They are summed with it, and a structure whose sum is negative is worth nothing. Fetch groups
and the joint choice take each weight for a structure.
"""

from knapprune.saliency.aggregate import structure_values
from knapprune.saliency.first_order import GradientError
from knapprune.saliency.lookup import SECOND_ORDER, Measure, Saliency, chosen, needs_data, saliency_of
from knapprune.saliency.measures import MEASURES, fisher, gauss_newton, hessian, l1, l2, movement, taylor
from knapprune.saliency.statistics import Gradients, Statistics

#: The measures that can be asked for by name.
NAMES = tuple(MEASURES)

__all__ = [
    "NAMES",
    "SECOND_ORDER",
    "GradientError",
    "Gradients",
    "Measure",
    "Saliency",
    "Statistics",
    "chosen",
    "fisher",
    "gauss_newton",
    "hessian",
    "l1",
    "l2",
    "movement",
    "needs_data",
    "saliency_of",
    "structure_values",
    "taylor",
]
