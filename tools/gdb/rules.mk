# What gdb loads by itself beside the program, where it is allowed to: our commands and printers.
GDB_STUB := $(if $(PROGRAM),$(B)/tapir-gdb.py)

all: $(GDB_STUB)

$(GDB_STUB): tools/gdb/rules.mk
	@mkdir -p $(@D)
	@printf '%s\n' '# Made by make: gdb loads it with the program beside it.' 'import os' \
		'_path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "$(if $(filter build,$(B)),..,../..)/tools/gdb/tapir.py")' \
		'exec(compile(open(_path).read(), _path, "exec"), {"__file__": _path})' >$@
