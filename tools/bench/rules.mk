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

# Names looked up by our resolver, c-ares and glibc against one unbound. c-ares comes to build/peers, for this alone.
DNSLOAD := $(T)/tools/bench/dnsload

$(DNSLOAD): $(DNSLOAD).o $(APPS) $(LIB)
	$(CC) $(OPT) $(MODE) -pie $(LDFLAGS) -o $@ $< -Wl,--start-group $(APPS) $(LIB) -Wl,--end-group $(PCAP_LIBS) $(JSON_LIBS) -lpthread

bench-dns: all $(DNSLOAD)
	@CC='$(CC)' tools/bench/dns
