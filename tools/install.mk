# make install and uninstall: the program, the library with its public headers, the commands for gdb.
# stack/base.h leads into the core and stays here; tools/check-layers holds the installed headers of dns/ to each other and stack/*.h.
STACK_HEADERS = $(filter-out stack/base.h,$(wildcard stack/*.h stack/*.def))
DNS_HEADERS = $(wildcard $(patsubst %,dns/%.h,dns name msg rr text addrinfo))

install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/lib/pkgconfig' '$(DESTDIR)$(PREFIX)/include/tapir/stack' \
		'$(DESTDIR)$(PREFIX)/include/tapir/dns'
	$(if $(PROGRAM),install -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/tapir')
	install -m 644 $(LIB) '$(DESTDIR)$(PREFIX)/lib/libtapir.a'
	install -m 644 $(STACK_HEADERS) '$(DESTDIR)$(PREFIX)/include/tapir/stack'
	$(if $(DNS_HEADERS),install -m 644 $(DNS_HEADERS) '$(DESTDIR)$(PREFIX)/include/tapir/dns')
	install -d '$(DESTDIR)$(PREFIX)/share/tapir/gdb/tapirgdb'
	install -m 644 tools/gdb/tapir.py '$(DESTDIR)$(PREFIX)/share/tapir/gdb'
	install -m 644 tools/gdb/tapirgdb/*.py '$(DESTDIR)$(PREFIX)/share/tapir/gdb/tapirgdb'
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: tapir' 'Description: a TCP/IP stack in user space' 'Version: $(VERSION)' \
		'Requires.private: libpcap' 'Libs: -L$${prefix}/lib -ltapir' 'Libs.private: -lpthread' \
		'Cflags: -I$${prefix}/include/tapir' >'$(DESTDIR)$(PREFIX)/lib/pkgconfig/tapir.pc'

uninstall:
	rm -f '$(DESTDIR)$(PREFIX)/bin/tapir' '$(DESTDIR)$(PREFIX)/lib/libtapir.a' '$(DESTDIR)$(PREFIX)/lib/pkgconfig/tapir.pc'
	rm -rf '$(DESTDIR)$(PREFIX)/include/tapir' '$(DESTDIR)$(PREFIX)/share/tapir'
