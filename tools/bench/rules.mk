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

# Our resolver beside c-ares and glibc, against one unbound.
DNSLOOKUPS := $(T)/tools/bench/dnslookups

$(DNSLOOKUPS): $(DNSLOOKUPS).o $(LIB)
	$(CC) $(OPT) $(MODE) -pie $(LDFLAGS) -o $@ $^ $(PCAP_LIBS) -lpthread -ldl

bench-dns: $(DNSLOOKUPS)
	@tools/bench/dns
