"""stub"""
from __future__ import annotations
from knapsolve.exact.core_base import Base

def strengthen(base: Base, deadline: float | None) -> Base:
    return base
