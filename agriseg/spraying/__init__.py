"""From weeds on the ground to pulses at the nozzles."""
