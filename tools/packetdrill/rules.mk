# The shared object by which packetdrill drives this stack (docs/hacking.md). The library's objects are position
# independent and hide their names, so they serve; only packetdrill_interface_init is exported.
PD_SRC := $(sort $(wildcard tools/packetdrill/*.c))
PD_OBJ := $(PD_SRC:%.c=$(T)/%.o)
PD := $(if $(filter fuzz,$(VARIANT)),,$(B)/tapir-packetdrill.so)
-include $(PD_OBJ:.o=.d)

all: $(PD)
$(filter $(T)/tests/unit/tools/% %/test_packetdrill,$(UNIT) $(SCRIPT)): | $(PD)

$(PD_OBJ): COMMON += -fPIC
$(PD): $(PD_OBJ) $(LIB) tools/packetdrill/exports.map
	$(CC) $(OPT) $(MODE) -shared -Wl,--version-script=tools/packetdrill/exports.map -Wl,-Bsymbolic \
		$(if $(MODE),,-Wl$(comma)-z$(comma)defs) $(LDFLAGS) -o $@ $(PD_OBJ) $(LIB) -lpthread
comma := ,

include tools/kernel-diff/rules.mk
