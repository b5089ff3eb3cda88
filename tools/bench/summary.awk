# Sums up the lines of tools/bench/run: case, server, value, CPU-seconds. For each case and server the median and
# the range; for the ratio each pair gives one, and the median of these stands, with their range.
BEGIN {
	FS = "\t"
	unit["bulk"] = "MiB/s"
	unit["keepalive"] = unit["connect"] = "requests/s"
	about["bulk"] = "curl, one file of " bulk_mib " MiB"
	about["keepalive"] = "wrk, 64 kept connections, 612 bytes, " wrk_s
	about["connect"] = "ab, " ab_n " connections of one request, 32 at a time, 612 bytes"
}

{
	if (!($1 in seen)) { seen[$1] = 1; order[++cases] = $1 }
	n[$1, $2]++
	value[$1, $2, n[$1, $2]] = $3
	used[$1, $2, n[$1, $2]] = $4
}

# Sorts v[1..m]; m is small.
function sort(v, m, i, j, x) {
	for (i = 2; i <= m; i++) {
		x = v[i]
		for (j = i - 1; j >= 1 && v[j] > x; j--) v[j + 1] = v[j]
		v[j + 1] = x
	}
}

# Leaves median, lowest, highest of v[1..m].
function judge(v, m) {
	sort(v, m)
	median = m % 2 ? v[(m + 1) / 2] : (v[m / 2] + v[m / 2 + 1]) / 2
	lowest = v[1]
	highest = v[m]
}

function take(array, name, server, i) {
	delete v
	for (i = 1; i <= n[name, server]; i++) v[i] = array[name, server, i] + 0
	judge(v, n[name, server])
}

function ratios(name, i) {
	delete v
	for (i = 1; i <= n[name, "kernel"]; i++) v[i] = value[name, "tapir", i] / value[name, "kernel", i]
	judge(v, n[name, "kernel"])
}

function text_row(name, server) {
	take(value, name, server)
	printf "  %-17s %8.*f %-10s (%.*f .. %.*f)", server, digits, median, unit[name], digits, lowest, digits, highest
	take(used, name, server)
	printf "   CPU %.2f s (%.2f .. %.2f)\n", median, lowest, highest
}

function json_row(name, server) {
	take(value, name, server)
	printf "     \"%s\": {\"median\": %s, \"min\": %s, \"max\": %s", server, median, lowest, highest
	take(used, name, server)
	printf ", \"cpu_s\": {\"median\": %s, \"min\": %s, \"max\": %s}},\n", median, lowest, highest
}

function quoted(s) {
	gsub(/[\\"]/, "\\\\&", s)
	return "\"" s "\""
}

END {
	if (form == "json") {
		printf "{\"version\": %s, \"peer\": %s, \"kernel\": %s, \"cpu\": %s, \"cpus\": %d,\n", quoted(version), quoted(peer), \
			quoted(kernel), quoted(cpu), cpus
		printf " \"load_before\": %s, \"quick\": %s, \"pairs\": %d, \"took_s\": %d,\n \"cases\": [", load, \
			(quick == "yes" ? "true" : "false"), pairs, took
		for (c = 1; c <= cases; c++) {
			name = order[c]
			printf "%s\n    {\"case\": \"%s\", \"about\": %s, \"unit\": \"%s\",\n", (c > 1 ? "," : ""), name, quoted(about[name]), unit[name]
			json_row(name, "tapir")
			json_row(name, "kernel")
			if (n[name, "kernel_no_offload"]) json_row(name, "kernel_no_offload")
			ratios(name)
			printf "     \"ratio\": {\"median\": %.4f, \"min\": %.4f, \"max\": %.4f}}", median, lowest, highest
		}
		print "\n]}"
		exit
	}
	printf "%s against %s on Linux %s\n%d x %s, load %s before\n", version, peer, kernel, cpus, cpu, load
	printf "%d pairs in %d s%s; median (range); CPU is the server process's alone\n", pairs, took, quick == "yes" ? ", quick" : ""
	for (c = 1; c <= cases; c++) {
		name = order[c]
		digits = unit[name] == "MiB/s" ? 1 : 0
		printf "\n%s: %s\n", name, about[name]
		text_row(name, "tapir")
		text_row(name, "kernel")
		if (n[name, "kernel_no_offload"]) text_row(name, "kernel_no_offload")
		ratios(name)
		printf "  ratio             %8.3f            (%.3f .. %.3f)\n", median, lowest, highest
	}
}
