"""What a process knows of itself."""

from dataclasses import dataclass

from mlops.serve.settings import Settings


@dataclass
class State:
    """started: the first answer can be given. draining: SIGTERM came, and soon nobody is answered."""

    settings: Settings
    started: bool = False
    draining: bool = False

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.started and not self.draining
