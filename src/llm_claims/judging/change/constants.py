"""Written by ``tests/calibration/derive.py`` (series 12000, seed 1); not to be edited by hand."""

QUIET_WEIGHTS = (0.05074, 0.2567, 0.5784, 0.1142)
STEP_WEIGHTS = (0.9885, 0.01147)
RATE = 0.0007
BOUNDARY = (
    (10, 4.42),
    (13, 4.44),
    (17, 4.47),
    (22, 4.49),
    (30, 4.52),
    (31, 4.88),
    (37, 5.03),
    (45, 5.25),
    (55, 5.53),
    (70, 5.94),
    (85, 6.32),
    (100, 6.67),
)
COMMONER = 1.51
