"""Isaac Lab's environment, alike in both runtimes: opening, recording, observing, terminations, resets."""
