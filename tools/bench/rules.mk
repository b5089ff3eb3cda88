bench: all
	@tools/bench/run

bench-quick: all
	@tools/bench/run --quick

# The kernel's TCP and ours over one simulated path, in real time.
SIMPATH := $(T)/tools/bench/simpath

$(SIMPATH): $(SIMPATH).o $(LIB)
	$(CC) $(OPT) $(MODE) -pie $(LDFLAGS) -o $@ $^ $(PCAP_LIBS) -lpthread

bench-path: $(SIMPATH)
	@$(SIMPATH)
