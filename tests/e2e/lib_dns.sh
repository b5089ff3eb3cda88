# Name servers for tests of DNS, sourced after tests/e2e/lib.sh: the zones are made in $scratch, the servers run in the
# test's own namespace on the kernel's side of tap0, each at an address of its own, as what they are started as (no
# change of user, no chroot, in the foreground), and end with the namespace or by their pid.
#
#	dns_net                         tap0 with all addresses below
#	dns_zones                       the zones, below $scratch/zones; dns_sign_zones adds the signed one
#	dns_start nsd knotd named       each is waited for until it answers; its pid: $scratch/dns/NAME/pid
#	dns_stop nsd
#
#	server     address      serves
#	nsd        192.0.2.53   the root and the zones of all three: types.test, gen.test, signed.test, names of addresses
#	knotd      192.0.2.54   tld. and those; with cookies
#	named      192.0.2.55   child.tld. and those; with cookies
#	unbound    192.0.2.56   recursion from the root at nsd on; validates signed.test
#	dnsmasq    192.0.2.57   forwards to knotd; has local.test of its own
#	hostile    192.0.2.66   tests/e2e/hostile_dns.py; also 10.66.0.0/16; it speaks from .67 too
# shellcheck shell=sh disable=SC2034,SC2154 # $scratch, $peers: lib.sh; $dns_servers: the tests
nsd_ip=192.0.2.53 knotd_ip=192.0.2.54 named_ip=192.0.2.55 unbound_ip=192.0.2.56 dnsmasq_ip=192.0.2.57
hostile_ip=192.0.2.66
dns_servers='nsd knotd named unbound dnsmasq'

dns_reverse='2.0.192.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa'

dns_ip() { # server
	eval "echo \"\$${1}_ip\""
}

dns_net() {
	ip tuntap add dev tap0 mode tap
	ip link set tap0 up
	for last in 1 53 54 55 56 57 66 67; do
		ip addr add 192.0.2.$last/24 dev tap0
	done
	ip route add local 10.66.0.0/16 dev lo
}

# The peer, without the user's own habits (~/.digrc) and as patient as a busy machine needs.
dig() {
	HOME=$scratch "$peers/dig" -r "$@"
}

dns_soa() { # zone: its SOA and its servers
	echo "\$TTL 3600"
	echo "@ SOA ns.$1 hostmaster.$1 2026010101 7200 3600 1209600 300"
	echo "@ NS ns.$1"
}

# Every type of record that the resolver shows, names that need care, and each way an answer can be none.
dns_zone_types() {
	dns_soa types.test.
	cat <<'EOF'
@	NS	ns2
	A	192.0.2.80
	AAAA	2001:db8::80
	MX	10 mail
	MX	20 mail.elsewhere.tld.
	TXT	"v=spf1 -all"
	CAA	0 issue "ca.example.net"
	CAA	128 iodef "mailto:security@types.test"
ns	A	192.0.2.53
ns	A	192.0.2.54
ns	A	192.0.2.55
ns2	A	192.0.2.54
mail	A	192.0.2.25
a	A	192.0.2.1
a	A	203.0.113.255
a	A	0.0.0.0
a	A	255.255.255.255
aaaa	AAAA	::
aaaa	AAAA	::1
aaaa	AAAA	2001:db8::
aaaa	AAAA	2001:db8:0:0:1:0:0:1
aaaa	AAAA	2001:db8:0:1:1:1:1:1
aaaa	AAAA	fe80::1
aaaa	AAAA	::ffff:192.0.2.1
aaaa	AAAA	::192.0.2.1
aaaa	AAAA	1:0:0:2:0:0:0:3
host	A	192.0.2.1
way	CNAME	way2
way2	CNAME	near.child.tld.
both	A	192.0.2.90
both	AAAA	2001:db8::90
ttl0	0 A	192.0.2.91
ttlmax	2147483647 A 192.0.2.92
mx	MX	0 .
mx2	MX	65535 a.very.long.name.of.a.mail.server.in.another.zone.example.net.
mx2	MX	1 mx2
ptr	PTR	ptr.types.test.
srv	SRV	0 0 0 .
_sip._tcp	SRV	10 60 5060 a
_sip._tcp	SRV	10 20 65535 b.elsewhere.tld.
_443._tcp.www CNAME	_tls
_tls	TYPE52	\# 35 0301010000000000000000000000000000000000000000000000000000000000000000
txt	TXT	"one string"
txt2	TXT	"two" "strings, the second with a \"quote\", a \\ and a \; too"
txt3	TXT	"" "" ""
txt4	TXT	"\000\001\031\032\127\128\255" "tab\009and newline\010here" "@ $ ( ) ; '"
txt5	TXT	unquoted
txt6	TXT	"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
hinfo	HINFO	"PDP-11/70" "UNIX V6"
naptr	NAPTR	100 10 "u" "E2U+sip" "!^.*$!sip:info@types.test!" .
naptr	NAPTR	100 20 "" "" "" a
caa	CAA	0 issue ";"
caa	CAA	0 issuewild "ca.example.net; account=1 \"q\""
caa	CAA	255 tbs "Unknown"
https	HTTPS	0 svc.types.test.
https2	HTTPS	1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1,2001:db8::2
https3	HTTPS	16 a.types.test. mandatory=alpn,ipv4hint alpn=h2 no-default-alpn port=53 ipv4hint=192.0.2.3 key667="\000\001abc\255" key65000
https4	HTTPS	65535 .
svcb	SVCB	1 a.types.test. alpn="doq,dot" ech=AEX+DQBB port=853
_dns	SVCB	2 b alpn=h2 key7="/dns-query{?dns}"
dnskey	DNSKEY	256 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA==
sub	NS	ns.sub
sub	DS	60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.sub	A	192.0.2.99
t65280	TYPE65280 \# 4 0a000001
t65280	TYPE65280 \# 0
t62347	TYPE62347 \# 40 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627
sshfp	TYPE44 \# 22 01010123456789abcdef67890123456789abcdef6789
loc	TYPE29 \# 16 00123213891c4f588a3c5a00009848a0
dname	DNAME	target
x.target A	192.0.2.93
c1	CNAME	c2
c2	CNAME	c3.types.test.
c3	CNAME	c4
c4	CNAME	a
cext	CNAME	www.child.tld.
cnone	CNAME	nothing.types.test.
cnodata	CNAME	txt
cself	CNAME	cself
cloop1	CNAME	cloop2
cloop2	CNAME	cloop1
chain0	CNAME	chain1
chain1	CNAME	chain2
chain2	CNAME	chain3
chain3	CNAME	chain4
chain4	CNAME	chain5
chain5	CNAME	chain6
chain6	CNAME	chain7
chain7	CNAME	chain8
chain8	A	192.0.2.98
*.wild	A	192.0.2.94
*.wild	TXT	"wild"
*.wild	MX	5 mail
*.cwild	CNAME	a
set.wild TXT	"not wild"
ent.a.b	A	192.0.2.95
UPPER	A	192.0.2.96
MiXeD	CNAME	UPPER.Types.TEST.
_under_score A	192.0.2.97
-dash-	A	192.0.2.97
1digit	A	192.0.2.97
dot\.ted A	192.0.2.101
back\\slash A	192.0.2.102
semi\;colon A	192.0.2.103
quo\"te	A	192.0.2.104
\@at	A	192.0.2.105
dol\$lar A	192.0.2.106
par\(en\) A	192.0.2.107
sp\032ace A	192.0.2.108
\000\001\002 A	192.0.2.109
\127\128\254\255 A	192.0.2.110
\195\188ml	A	192.0.2.111
new\010line A	192.0.2.112
apo\039strophe A	192.0.2.112
*	TXT	"below the apex"
oddmx	MX	10 dot\.ted
oddmx	MX	20 \000\001\002
oddmx	MX	30 sp\032ace
oddns.ptr PTR	back\\slash.types.test.
abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij123 A 192.0.2.113
EOF
	label=abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij123
	# 64 + 64 + 64 + 51 + types.test. (12) = 255
	echo "$label.$label.$label.abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij A 192.0.2.114"
	i=0
	while [ $i -lt 20 ]; do
		echo "big TXT \"$i $label $label $label\""
		echo "huge TXT \"$i $label $label $label\" \"$label $label $label\""
		echo "many A 198.51.100.$i"
		i=$((i + 1))
	done
	while [ $i -lt 100 ]; do
		echo "many A 198.51.100.$i"
		echo "huge TXT \"$i $label $label $label\""
		i=$((i + 1))
	done
}

# The questions to the zone of types: a name and a type each, over every name and each way to get nothing.
dns_questions_types() {
	dns_zone_types | awk '
	/^[^;@$\t ]/ {
		name = $1
		type = ($2 ~ /^[0-9]+$/) ? $3 : $2
		print name ".types.test. " type
	}' | sort -u
	for type in SOA NS A AAAA MX TXT CAA PTR; do
		echo "types.test. $type"
	done
	for type in A AAAA MX TXT SRV NS SOA PTR CAA HTTPS SVCB DNSKEY DS RRSIG NSEC TYPE65281 CNAME; do
		echo "c1.types.test. $type"
		echo "both.types.test. $type"
		echo "x.y.wild.types.test. $type"
		echo "nothing.a.types.test. $type"
	done
	cat <<'EOF'
b.types.test. A
a.b.types.test. A
A.TYPES.TEST. A
mixed.types.test. A
upper.TYPES.test. A
set.wild.types.test. A
some.wild.types.test. A
some.cwild.types.test. A
x.dname.types.test. A
y.dname.types.test. A
dname.types.test. A
cext.types.test. CNAME
cnone.types.test. A
cnodata.types.test. A
cnodata.types.test. MX
chain0.types.test. A
chain0.types.test. TXT
sub.types.test. DS
nosuch.tld. A
EOF
}

# Some thousand names, each with some records, from a seed.
dns_names=3000
dns_zone_gen() {
	dns_soa gen.test.
	echo 'ns A 192.0.2.53'
	dns_generated | awk -F '\t' '{ print $1 "\t" $2 "\t" $3 }'
}

dns_generated() { # name, type, data
	awk -v n=$dns_names '
	function pick(s) { return substr(s, int(rand() * length(s)) + 1, 1) }
	function word(max,   i, w, len) {
		len = 1 + int(rand() * max)
		w = pick("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
		for (i = 1; i < len; i++) w = w pick("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
		if (rand() < 0.1) w = w sprintf("\\%03d", int(rand() * 256))
		return w
	}
	function target() { return rand() < 0.5 ? word(20) : word(10) "." word(20) ".elsewhere.tld." }
	function quad() { return int(rand() * 256) "." int(rand() * 256) "." int(rand() * 256) "." int(rand() * 256) }
	function hex(len,   h) { h = ""; while (len-- > 0) h = h sprintf("%02x", int(rand() * 256)); return h }
	function str(   s, k) {
		s = ""
		for (k = int(rand() * 60); k > 0; k--) s = s (rand() < 0.8 ? pick("abcdefgh ijkl;mnop@qr$stuv(wx)yz!#%&*+,-./:<=>?[]^_`{|}~") : sprintf("\\%03d", int(rand() * 256)))
		return "\"" s "\""
	}
	BEGIN {
		srand(20260101)
		split("A A AAAA AAAA CNAME MX TXT TXT SRV PTR NAPTR HINFO CAA TYPE HTTPS SVCB", types, " ")
		for (i = 0; i < n; i++) {
			name = word(24) (rand() < 0.3 ? "." word(12) : "") ".n" i
			type = types[int(rand() * 16) + 1]
			copies = type == "CNAME" ? 1 : 1 + int(rand() * 4)
			for (k = 0; k < copies; k++) {
				if (type == "A") data = quad()
				else if (type == "AAAA") { data = ""; for (j = 0; j < 8; j++) data = data (j ? ":" : "") (rand() < 0.5 ? "0" : sprintf("%x", int(rand() * 65536))) }
				else if (type == "CNAME" || type == "PTR") data = target()
				else if (type == "MX") data = int(rand() * 65536) " " target()
				else if (type == "TXT") { data = str(); while (rand() < 0.4) data = data " " str() }
				else if (type == "SRV") data = int(rand() * 65536) " " int(rand() * 65536) " " int(rand() * 65536) " " target()
				else if (type == "NAPTR") data = int(rand() * 65536) " " int(rand() * 65536) " \"s\" \"" word(8) "\" " (rand() < 0.5 ? "\"\"" : "\"!^(.*)$!sip:" word(9) "@e.net!\"") " " target()
				else if (type == "HINFO") data = str() " " str()
				else if (type == "CAA") data = int(rand() * 2) * 128 " issue " str()
				else if (type == "HTTPS" || type == "SVCB") data = 1 + int(rand() * 9) " " target() " port=" int(rand() * 65536) (rand() < 0.5 ? " ipv4hint=" quad() : "") (rand() < 0.3 ? " alpn=h2,h3" : "") (rand() < 0.3 ? " ipv6hint=2001:db8::" sprintf("%x", int(rand() * 65536)) : "")
				else { len = int(rand() * 80); if (k == 0) unknown = 65280 + int(rand() * 200); data = "\\# " len " " hex(len) }
				print name "\t" (type == "TYPE" ? "TYPE" unknown : type) "\t" data
			}
		}
	}'
}

# The questions to it: each name with its type, some with another, in another case or not there.
dns_questions_gen() { # one of so many (1: all)
	dns_generated | awk -F '\t' -v every="${1:-1}" '
	BEGIN { srand(7); split("A AAAA MX TXT SRV CNAME CAA TYPE65281", types, " ") }
	$1 == last { next }
	{
		last = $1
		if (k++ % every) next
		r = rand()
		if (r < 0.8) print $1 ".gen.test. " $2
		else if (r < 0.88) print $1 ".gen.test. " types[int(rand() * 8) + 1]
		else if (r < 0.94) print toupper($1) ".GEN.test. " $2
		else print "no" k "." $1 ".gen.test. A"
	}'
}

dns_zones() {
	mkdir -p "$scratch/zones"
	dns_zone_types >"$scratch/zones/types.test"
	dns_zone_gen >"$scratch/zones/gen.test"
	{
		echo "\$TTL 518400"
		echo '. 86400 SOA a.root.tld. nobody.tld. 2026010101 1800 900 604800 86400'
		echo '. NS a.root.tld.'
		echo 'a.root.tld. A 192.0.2.53'
		echo 'tld. 172800 NS ns.tld.'
		echo 'ns.tld. 172800 A 192.0.2.54'
		for zone in types gen signed; do
			echo "$zone.test. NS ns.$zone.test."
			for ip in 53 54 55; do
				echo "ns.$zone.test. A 192.0.2.$ip"
			done
		done
		for zone in $dns_reverse; do
			echo "$zone. NS ns.types.test."
		done
	} >"$scratch/zones/root"
	{
		dns_soa tld.
		echo 'ns A 192.0.2.54'
		echo 'a.root A 192.0.2.53'
		echo 'child NS ns.child'
		echo 'ns.child A 192.0.2.55'
		echo 'elsewhere A 192.0.2.70'
		echo 'b.elsewhere A 192.0.2.71'
	} >"$scratch/zones/tld"
	{
		dns_soa child.tld.
		cat <<-'EOF'
			ns A 192.0.2.55
			@ A 192.0.2.60
			www 600 A 192.0.2.61
			www AAAA 2001:db8::61
			alias CNAME www
			far CNAME a.types.test.
			near CNAME ns
			@ MX 10 www
			txt TXT "at the end of the tree"
		EOF
	} >"$scratch/zones/child.tld"
	for zone in $dns_reverse; do
		{
			dns_soa "$zone." | sed "s/^@ NS .*/@ NS ns.types.test./"
			case $zone in
			*ip6*) echo '0.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR types.test.' ;;
			*) printf '55 PTR ns.child.tld.\n55 PTR ns.types.test.\n80 PTR types.test.\n' ;;
			esac
		} >"$scratch/zones/$zone"
	done
	# The hints that a resolver starts from.
	printf '. 3600000 NS a.root.tld.\na.root.tld. 3600000 A %s\n' $nsd_ip >"$scratch/zones/hints"
	cp "$scratch/zones/hints" "$scratch/hints"
}

# signed.test, by one key, with NSEC; its public key for a validator: $scratch/zones/anchor.
dns_sign_zones() {
	mkdir -p "$scratch/keys"
	{
		dns_soa signed.test.
		cat <<-'EOF'
			@ A 192.0.2.120
			@ MX 10 mail
			@ TXT "signed"
			ns A 192.0.2.53
			ns A 192.0.2.54
			ns A 192.0.2.55
			mail A 192.0.2.121
			www A 192.0.2.122
			www AAAA 2001:db8::122
			alias CNAME www
			*.wild A 192.0.2.123
			t TYPE65280 \# 3 010203
			https HTTPS 1 . alpn=h2
			sub NS ns.sub
			sub DS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
			ns.sub A 192.0.2.124
			txt TXT "some text" "that is signed"
		EOF
	} >"$scratch/keys/signed.test"
	(
		cd "$scratch/keys"
		key=$("$peers/dnssec-keygen" -q -a ECDSAP256SHA256 -f KSK signed.test)
		grep -v '^;' "$key.key" >"$scratch/zones/anchor"
		cat "$key.key" >>signed.test
		"$peers/dnssec-signzone" -q -z -o signed.test -f "$scratch/zones/signed.test" -s -1d signed.test "$key" >sign.log 2>&1
	) || {
		cat "$scratch/keys/sign.log"
		fail "the zone is not signed"
	}
}

dns_questions_signed() {
	for name in signed.test www.signed.test alias.signed.test x.wild.signed.test nothing.signed.test \
		sub.signed.test txt.signed.test mail.signed.test; do
		for type in A AAAA MX TXT SOA NS DNSKEY DS RRSIG NSEC CNAME TYPE65280; do
			echo "$name. $type"
		done
	done
}

dns_zone_list() { # server: zone, file
	for zone in types.test gen.test signed.test $dns_reverse; do
		[ ! -e "$scratch/zones/$zone" ] || echo "$zone. $scratch/zones/$zone"
	done
	case $1 in
	nsd) echo ". $scratch/zones/root" ;;
	knotd) echo "tld. $scratch/zones/tld" ;;
	named) echo "child.tld. $scratch/zones/child.tld" ;;
	esac
}

dns_config_nsd() { # directory
	cat <<-EOF
		server:
			ip-address: $nsd_ip
			username: ""
			chroot: ""
			zonesdir: "$1"
			database: ""
			pidfile: ""
			xfrdfile: "$1/xfrd.state"
			xfrdir: "$1"
			zonelistfile: "$1/zone.list"
			server-count: 1
			rrl-ratelimit: 0
			verbosity: 1
			do-ip6: no
		remote-control:
			control-enable: no
	EOF
	dns_zone_list nsd | while read -r zone file; do
		printf 'zone:\n\tname: "%s"\n\tzonefile: "%s"\n' "$zone" "$file"
	done
}

dns_config_knotd() {
	cat <<-EOF
		server:
		    rundir: "$1"
		    listen: $knotd_ip@53
		    udp-workers: 1
		    tcp-workers: 1
		    background-workers: 1
		log:
		  - target: stderr
		    any: warning
		database:
		    storage: "$1"
		mod-cookies:
		  - id: here
		    secret: 0x00112233445566778899aabbccddeeff
		template:
		  - id: default
		    global-module: mod-cookies/here
		    zonefile-sync: -1
		    zonefile-load: whole
		    journal-content: none
		    semantic-checks: off
		zone:
	EOF
	dns_zone_list knotd | while read -r zone file; do
		printf '  - domain: %s\n    file: "%s"\n' "$zone" "$file"
	done
}

dns_config_named() {
	# Up to 9.18 it would lock a file in /run.
	case $("$peers/named" -v) in *' 9.1'*) lock='lock-file none;' ;; *) lock='' ;; esac
	cat <<-EOF
		options {
			directory "$1";
			listen-on port 53 { $named_ip; };
			listen-on-v6 { none; };
			pid-file none;
			session-keyfile none;
			$lock
			recursion no;
			dnssec-validation no;
			notify no;
			allow-query { any; };
			answer-cookie yes;
			rrset-order { order none; };
			check-names primary ignore;
			check-integrity no;
		};
		controls {};
	EOF
	dns_zone_list named | while read -r zone file; do
		echo "zone \"$zone\" { type primary; file \"$file\"; };"
	done
}

dns_config_unbound() {
	cat <<-EOF
		server:
			interface: $unbound_ip
			do-daemonize: no
			username: ""
			chroot: ""
			directory: "$1"
			pidfile: ""
			use-syslog: no
			logfile: ""
			num-threads: 1
			access-control: 0.0.0.0/0 allow
			do-ip6: no
			root-hints: "$scratch/zones/hints"
			do-not-query-localhost: no
			local-zone: "test." nodefault
			local-zone: "2.0.192.in-addr.arpa." nodefault
			local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
			rrset-roundrobin: no
			ede: yes
	EOF
	[ ! -e "$scratch/zones/anchor" ] || printf '\ttrust-anchor-file: "%s"\n' "$scratch/zones/anchor"
	printf 'remote-control:\n\tcontrol-enable: no\n'
}

dns_config_dnsmasq() {
	cat <<-EOF
		log-facility=-
		user=root
		group=root
		pid-file=
		no-resolv
		no-hosts
		listen-address=$dnsmasq_ip
		bind-interfaces
		port=53
		cache-size=0
		server=$knotd_ip
		local=/local.test/
		host-record=host.local.test,192.0.2.130,2001:db8::130
		cname=alias.local.test,host.local.test
		mx-host=local.test,host.local.test,10
		srv-host=_http._tcp.local.test,host.local.test,80,1,2
		txt-record=local.test,"of dnsmasq","itself"
		ptr-record=ptr.local.test,host.local.test
		caa-record=local.test,0,issue,ca.example.net
		dns-rr=t.local.test,65280,01:02:03
		naptr-record=naptr.local.test,1,2,s,SIP,,host.local.test
	EOF
}

# What a server answers when it is ready.
dns_answers() { # server
	case $1 in
	hostile) set -- $hostile_ip ready.hostile.test A ;;
	*) set -- "$(dns_ip "$1")" types.test SOA ;;
	esac
	"$peers/dig" -r "@$1" "$2" "$3" +time=1 +tries=1 +noall +comments | grep -q 'status: NOERROR'
}

dns_start() { # server...
	for server; do
		dir=$scratch/dns/$server
		mkdir -p "$dir"
		case $server in
		hostile) ;;
		*) dns_config_"$server" "$dir" >"$dir/conf" ;;
		esac
		case $server in
		nsd) set -- "$peers/nsd" -d -c "$dir/conf" ;;
		knotd) set -- "$peers/knotd" -c "$dir/conf" ;;
		named) set -- "$peers/named" -g -4 -n 1 -c "$dir/conf" ;;
		unbound) set -- "$peers/unbound" -d -c "$dir/conf" ;;
		dnsmasq) set -- "$peers/dnsmasq" -k -C "$dir/conf" ;;
		hostile) set -- "$peers/dnspython" tests/e2e/hostile_dns.py --other 192.0.2.67 --times "${dns_times:-1}" ;;
		esac
		HOME=$dir "$@" >"$dir/log" 2>&1 &
		echo $! >"$dir/pid"
	done
	for dir in "$scratch"/dns/*; do
		server=${dir##*/}
		if [ ! -e "$dir/pid" ] || [ -e "$dir/up" ]; then continue; fi
		eventually dns_answers "$server" || {
			tail -n 12 "$dir/log"
			fail "$server does not answer"
		}
		: >"$dir/up"
	done
}

dns_stop() { # server...
	for server; do
		dir=$scratch/dns/$server
		server_pid=$(cat "$dir/pid")
		kill "$server_pid"
		wait "$server_pid" || true
		rm -f "$dir/pid" "$dir/up"
	done
}
