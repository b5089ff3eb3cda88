# Our packet scripts, played to this machine's kernel in real time (root, /dev/net/tun). For people, not for make test.
KDIFF_OBJ := $(patsubst %.c,$(T)/%.o,$(sort $(wildcard tools/kernel-diff/*.c)))
KDIFF := $(T)/tools/kernel-diff/kernel_diff
-include $(KDIFF_OBJ:.o=.d)

$(KDIFF): $(KDIFF_OBJ) $(SUPPORT) $(APPS) $(LIB)
	$(CC) $(OPT) $(MODE) -pie $(LDFLAGS) -o $@ $(KDIFF_OBJ) $(PARTS)

kernel-diff: $(KDIFF)
	@$(KDIFF) -d tests/script/kernel-differs.tsv

.PHONY: kernel-diff
