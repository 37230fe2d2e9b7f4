"""``doctor``: checks what a newcomer can get wrong, and says how to mend it.

Each module looks at one part and says what it found; looking and judging are apart, so that
what is judged can be tried with any machine in mind. Nothing here makes or changes a file.
"""

from prismd.cli.doctor.command import doctor_command

__all__ = ["doctor_command"]
