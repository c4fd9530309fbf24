"""Networks, their training and runtimes; the only place that imports torch."""
