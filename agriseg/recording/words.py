"""Plain words for what became of weeds and pulses: one wording for reports, commands and pages."""

MISSED_REASONS = {
    "late": "seen too late to be reached by the nozzle",
    "crop": "left to protect the crop beside it",
    "outside": "outside of the boom",
    "boundary": "outside of the boundary, or in a no-spray zone",
    "no-position": "the position was not known, with a boundary in use",
    "unsure": "the picture was unlike those that the model knows",
    "off": "spraying was switched off",
    "paused": "the run was paused",
    "no-controller": "the sprayer controller was not ready",
    "no-valve": "no valve on the controller for this nozzle",
    "queue-full": "the controller could not take more pulses",
    "stale-odometry": "the wheel sensor's readings were too old",
    "stale-frame": "the camera's pictures were too old",
    "reversing": "the robot was driving backwards",
    "slow": "slower than the least spraying speed",
    "fast": "faster than the greatest spraying speed",
}

OUTCOMES = {
    "done": "opened and closed as asked",
    "capped": "opened, closed early by the open-time limit",
    "cut": "opened, closed early because the controller left ARMED",
    "late": "not opened: asked for after its moment",
    "rejected": "not opened: refused by the controller",
    "failed": "not opened: the coil drew no current",
    "flushed": "not opened: the queue was emptied first",
    "lost": "no report came; nothing is known",
    "sent": "messages went out in time; this board confirms nothing",
}
