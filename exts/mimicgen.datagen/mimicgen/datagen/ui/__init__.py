"""The panel: an `omni.ui` window that configures, starts and watches runs, whichever application hosts it."""
