"""What can be told of a text without a model: its sentences, its parts, its tokens, how hard it is to read.

Pure functions, without a clock or I/O. What takes long for a long text says so: a caller asks a thread for it.
"""
