"""Sources of frames: devices, streams, files and the simulated field."""
