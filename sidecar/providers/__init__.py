"""Where texts come from: language models behind one interface, and a demo that stands in for one. One file each."""

from sidecar.providers.interface import Finish, Message, Piece, Prompt, Provider, Stage, Text

__all__ = ["Finish", "Message", "Piece", "Prompt", "Provider", "Stage", "Text"]
