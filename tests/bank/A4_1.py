"""Answers to A4.1, right and wrong, as source text."""

TABLE = """
TABLE = {
    "RockClimbingIndoor": "climb", "RopeClimbing": "climb", "Fencing": "fencing", "GolfSwing": "golf",
    "SoccerPenalty": "kick_ball", "PullUps": "pullup", "Punch": "punch", "BoxingPunchingBag": "punch",
    "BoxingSpeedBag": "punch", "PushUps": "pushup", "Biking": "ride_bike", "HorseRiding": "ride_horse",
    "Basketball": "shoot_ball", "Archery": "shoot_bow", "WalkingWithDog": "walk",
}
"""

RIGHT = [
    TABLE
    + """
def shared_class(name):
    return TABLE.get(name.split("/")[-1].split("_")[1])
""",
    TABLE
    + """
import re

def shared_class(name):
    found = re.search(r"v_([A-Za-z]+)_g\\d\\d_c\\d\\d", name)
    return TABLE[found.group(1)] if found and found.group(1) in TABLE else None
""",
    """
from pathlib import PurePosixPath

def shared_class(name):
    shared = {
        "climb": ["RockClimbingIndoor", "RopeClimbing"], "fencing": ["Fencing"], "golf": ["GolfSwing"],
        "kick_ball": ["SoccerPenalty"], "pullup": ["PullUps"],
        "punch": ["Punch", "BoxingPunchingBag", "BoxingSpeedBag"], "pushup": ["PushUps"], "ride_bike": ["Biking"],
        "ride_horse": ["HorseRiding"], "shoot_ball": ["Basketball"], "shoot_bow": ["Archery"],
        "walk": ["WalkingWithDog"],
    }
    _, ucf, *_ = PurePosixPath(name).stem.split("_")
    for target, sources in shared.items():
        if ucf in sources:
            return target
""",
]

WRONG = [
    (
        "names searched in file names",
        TABLE
        + """
def shared_class(name):
    for ucf, shared in TABLE.items():
        if ucf in name:
            return shared
    return None
""",
    ),
    (
        "names searched in file names",
        TABLE
        + """
def shared_class(name):
    file = name.split("/")[-1]
    for ucf, shared in TABLE.items():
        if file.startswith("v_" + ucf):
            return shared
""",
    ),
    (
        "one source class per shared class",
        """
def shared_class(name):
    table = {
        "RockClimbingIndoor": "climb", "Fencing": "fencing", "GolfSwing": "golf", "SoccerPenalty": "kick_ball",
        "PullUps": "pullup", "Punch": "punch", "PushUps": "pushup", "Biking": "ride_bike",
        "HorseRiding": "ride_horse", "Basketball": "shoot_ball", "Archery": "shoot_bow", "WalkingWithDog": "walk",
    }
    return table.get(name.split("/")[-1].split("_")[1])
""",
    ),
    (
        "raised an error",
        TABLE
        + """
def shared_class(name):
    return TABLE[name.split("/")[-1].split("_")[1]]
""",
    ),
    (
        "folder not removed",
        TABLE
        + """
def shared_class(name):
    return TABLE.get(name[2:].split("_g")[0])
""",
    ),
    (
        "wrong value",
        TABLE
        + """
def shared_class(name):
    ucf = name.split("/")[-1].split("_")[1]
    return ucf if ucf in TABLE else None
""",
    ),
    (
        "wrong type",
        TABLE
        + """
def shared_class(name):
    return TABLE.get(name.split("/")[-1].split("_")[1], "")
""",
    ),
    (
        "wrong type",
        TABLE
        + """
def shared_class(name):
    shared = sorted(set(TABLE.values()))
    found = TABLE.get(name.split("/")[-1].split("_")[1])
    return shared.index(found) if found else None
""",
    ),
]
