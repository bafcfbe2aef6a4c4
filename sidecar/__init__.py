"""The process beside Moodle that talks to language models. docs/ and README.md say how a request travels through it."""

__version__ = "0.1.0"
