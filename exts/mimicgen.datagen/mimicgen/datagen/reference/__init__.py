"""Isaac Lab's own generator, coroutine by coroutine: what ours is held equal to, and the fallback."""
