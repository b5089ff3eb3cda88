"""Tapir in gdb.

decode    bytes of packets as one line each; knows nothing of gdb
access    types, lists, stacks, endpoints: how to find things in the program's memory (works on core files)
printers  print *c, print seg, print *pkt
show      what `tapir conns`, `conn`, `timers`, `stats` print
events    stopping at events, and what was seen of them: `step-event`, `wire`, `break-state`, `break-drop`
commands  the commands themselves, their help and their errors
"""
