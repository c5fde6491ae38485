"""The assignments as a course: `build_course` makes the students' release, `grade_submissions` grades what comes back.

nbgrader does both, and keeps scores and feedback. In the place where it would execute a student's notebook, each answer
runs in a process of its own and is judged where it never was (`judging_cells`).
"""

from rev2net_lite.course.building import build_course
from rev2net_lite.course.grading import Result, grade_submissions

__all__ = ["Result", "build_course", "grade_submissions"]
