"""What the pytest plugin does once it is asked: nothing here is imported before."""

from __future__ import annotations
