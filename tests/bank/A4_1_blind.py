"""Wrong answers to A4.1, written from the question alone."""

WRONG = [
    # guesses from a word in the name
    (
        "guessed from a word",
        """
def shared_class(name):
    words = {
        "Climb": "climb", "Fencing": "fencing", "Golf": "golf", "Soccer": "kick_ball", "Pull": "pullup",
        "Punch": "punch", "Boxing": "punch", "Push": "pushup", "Biking": "ride_bike", "Horse": "ride_horse",
        "Basketball": "shoot_ball", "Archery": "shoot_bow", "Walking": "walk",
    }
    for word, shared in words.items():
        if word in name:
            return shared
    return None
""",
    ),
    # a class of the table anywhere in the name is enough
    (
        "names searched in file names",
        """
def shared_class(name):
    table = {
        "climb": ["RockClimbingIndoor", "RopeClimbing"], "fencing": ["Fencing"], "golf": ["GolfSwing"],
        "kick_ball": ["SoccerPenalty"], "pullup": ["PullUps"],
        "punch": ["Punch", "BoxingPunchingBag", "BoxingSpeedBag"], "pushup": ["PushUps"],
        "ride_bike": ["Biking"], "ride_horse": ["HorseRiding"], "shoot_ball": ["Basketball"],
        "shoot_bow": ["Archery"], "walk": ["WalkingWithDog"],
    }
    for shared, classes in table.items():
        if any(c in name for c in classes):
            return shared
""",
    ),
    # reads the class from the folder alone
    (
        "folder needed",
        """
def shared_class(name):
    table = {
        "RockClimbingIndoor": "climb", "RopeClimbing": "climb", "Fencing": "fencing", "GolfSwing": "golf",
        "SoccerPenalty": "kick_ball", "PullUps": "pullup", "Punch": "punch", "BoxingPunchingBag": "punch",
        "BoxingSpeedBag": "punch", "PushUps": "pushup", "Biking": "ride_bike", "HorseRiding": "ride_horse",
        "Basketball": "shoot_ball", "Archery": "shoot_bow", "WalkingWithDog": "walk",
    }
    folder = name.split("/")[0]
    return table.get(folder)
""",
    ),
    # gives the text "None" for a class that is not in the table
    (
        "the text None",
        """
def shared_class(name):
    table = {
        "RockClimbingIndoor": "climb", "RopeClimbing": "climb", "Fencing": "fencing", "GolfSwing": "golf",
        "SoccerPenalty": "kick_ball", "PullUps": "pullup", "Punch": "punch", "BoxingPunchingBag": "punch",
        "BoxingSpeedBag": "punch", "PushUps": "pushup", "Biking": "ride_bike", "HorseRiding": "ride_horse",
        "Basketball": "shoot_ball", "Archery": "shoot_bow", "WalkingWithDog": "walk",
    }
    return str(table.get(name.split("/")[-1].split("_")[1]))
""",
    ),
    # the folder before the name is not taken off
    (
        "folder not removed",
        """
def shared_class(name):
    table = {
        "RockClimbingIndoor": "climb", "RopeClimbing": "climb", "Fencing": "fencing", "GolfSwing": "golf",
        "SoccerPenalty": "kick_ball", "PullUps": "pullup", "Punch": "punch", "BoxingPunchingBag": "punch",
        "BoxingSpeedBag": "punch", "PushUps": "pushup", "Biking": "ride_bike", "HorseRiding": "ride_horse",
        "Basketball": "shoot_ball", "Archery": "shoot_bow", "WalkingWithDog": "walk",
    }
    ucf = name[2:-12]
    return table[ucf] if ucf in table else None
""",
    ),
]
