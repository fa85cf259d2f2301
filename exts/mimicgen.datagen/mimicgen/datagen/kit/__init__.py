"""The Kit extension: thin glue between the application and the session."""

from mimicgen.datagen.kit.extension import DatagenExtension, session

__all__ = ["DatagenExtension", "session"]
