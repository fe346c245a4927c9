"""How models are compiled."""

from dataclasses import dataclass


@dataclass
class CompilationConfig:
    backend: str = "eager"
    mode: int = 3
    #: The stand-in's own: is there an artefact that an earlier start has stored?
    is_cached: bool = False
