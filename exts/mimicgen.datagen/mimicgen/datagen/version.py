"""The project's version, the one place that states it besides `config/extension.toml`."""

__version__ = "0.1.0"
