# Tapir's commands and printers for gdb 12 and later:   (gdb) source tools/gdb/tapir.py     then   help tapir
# The two lines below mean nothing to Python. A gdb without Python reads this file as its own commands, and says so.
echo: 0  # \rtapir.py: this gdb has no Python: install the package gdb in place of gdb-minimal.\n
python = None
import os
import sys

import gdb

_here = os.path.dirname(os.path.realpath(__file__))
if int(gdb.VERSION.split(".")[0]) < 12:
    gdb.write("tapir.py: this is gdb %s: install gdb 12 or later\n" % gdb.VERSION, gdb.STDERR)
else:
    if _here not in sys.path:
        sys.path.insert(0, _here)
    for _name in [name for name in sys.modules if name.split(".")[0] == "tapirgdb"]:
        del sys.modules[_name]  # sourced again: what was edited meanwhile counts
    sys.dont_write_bytecode = True
    import tapirgdb.commands

    tapirgdb.commands.load()
