# The shared object by which packetdrill drives this stack (docs/hacking.md). The library's objects are position
# independent and hide their names, so they serve; only packetdrill_interface_init is exported. Sanitizers refuse to
# be loaded as packetdrill loads (RTLD_DEEPBIND), so it is part of the plain build and clang's only.
PD_SRC := $(sort $(wildcard tools/packetdrill/*.c))
PD_OBJ := $(PD_SRC:%.c=$(T)/%.o)
PD := $(if $(filter plain clang,$(VARIANT)),$(B)/tapir-packetdrill.so)

-include $(PD_OBJ:.o=.d)
all: $(PD)

$(PD_OBJ): COMMON += -fPIC
$(PD): $(PD_OBJ) $(LIB) tools/packetdrill/exports.map
	$(CC) $(OPT) $(MODE) -shared -Wl,--version-script=tools/packetdrill/exports.map -Wl,-z,defs -Wl,-Bsymbolic \
		$(LDFLAGS) -o $@ $(PD_OBJ) $(LIB) -lpthread
