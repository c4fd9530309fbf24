"""Where the robot is on the earth: satellite receivers, and their fixes tied to odometry."""
