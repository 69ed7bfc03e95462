"""How vectors learn to lie close where pictures show the same item, and apart where they do not.

The losses are pytorch-metric-learning's, which is kept, tested and knows more of them than we
need; here stands which are offered, with the values of their papers.
"""

from __future__ import annotations

import torch
from pytorch_metric_learning import losses, miners
from torch import Tensor, nn

from lapel.schema.errors import RecipeError

#: Of triplets of cosine distances (Schroff et al., "FaceNet", arXiv 1503.03832, section 3.1).
TRIPLET_MARGIN = 0.2

#: Of Proxy-Anchor (Kim et al., arXiv 2003.13911, section 4.2).
PROXY_MARGIN, PROXY_SCALE = 0.1, 32.0


class MetricLoss(nn.Module):
    """Vectors and the items that they are of, to a scalar.

    Args:
        name: ``triplet``, with triplets of a batch that violate the margin but are not the
            hardest (semi-hard, FaceNet's equation 4), or ``proxy-anchor``, with a learned proxy
            for each item (equation 4 of its paper).
        items: how many there are among the training pictures.
        width: numbers of a vector.

    Raises:
        RecipeError: no such loss.
    """

    def __init__(self, name: str, items: int, width: int) -> None:
        super().__init__()
        if name == "triplet":
            self.loss: nn.Module = losses.TripletMarginLoss(margin=TRIPLET_MARGIN)
            self.miner: nn.Module | None = miners.TripletMarginMiner(
                margin=TRIPLET_MARGIN, type_of_triplets="semihard"
            )
        elif name == "proxy-anchor":
            self.loss = losses.ProxyAnchorLoss(
                num_classes=items, embedding_size=width, margin=PROXY_MARGIN, alpha=PROXY_SCALE
            )
            self.miner = None
        else:
            raise RecipeError(f"embedding.loss: no such loss {name!r}; triplet or proxy-anchor")

    def forward(self, vectors: Tensor, items: Tensor) -> Tensor:
        """Vectors (N, width) and item numbers int64 (N,), below 0 where unknown, to a scalar.

        It is 0, without gradient, for a batch in which no item is known.
        """
        known = items >= 0
        if not bool(known.any()):
            return torch.zeros((), device=vectors.device)
        # In float32, whatever the network runs in: the losses add up exponentials.
        vectors, items = vectors[known].float(), items[known]
        with torch.autocast(vectors.device.type, enabled=False):
            if self.miner is None:
                loss: Tensor = self.loss(vectors, items)
                return loss
            mined: Tensor = self.loss(vectors, items, self.miner(vectors, items))
            return mined
