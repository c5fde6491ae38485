"""The assignments as a course: `building` makes the students' release, `grading` grades what comes back.

nbgrader does both, and keeps scores and feedback. In the place where it would execute a student's notebook, each answer
runs in a process of its own and is judged where it never was (`judging_cells`).
"""

__all__: list[str] = []
