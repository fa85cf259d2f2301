"""The panel: an `omni.ui` window that configures, starts and watches runs. It does not know which application hosts it."""
