"""How the built-in model is made: from a folder of public text to the files in ``qa/builtin``."""
