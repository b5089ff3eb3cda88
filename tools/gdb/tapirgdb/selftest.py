"""What these modules use of the program. `tapir selftest` says which of it the debug information lacks, so that a field that
is renamed shows at once; a test demands that nothing which is used is missing here."""

import gdb

from tapirgdb import access as a

STRUCTS = {
    "tapir": "now_ns env conf stats timers netif netif_top neigh ip tcp sock",
    "tapir_env": "event",
    "tapir_stats": "n drop",
    "tapir_event": "type source local peer u",
    "tapir_addr": "b",
    "tapir_mac": "b",
    "tapir_sockaddr": "addr port",
    "tapir_netif_conf": "name mtu",
    "tapir_conf_item": "name index def doc",
    "tapir_route": "dst prefix_len gw ifindex metric",
    "iovec": "iov_len",
    "netif": "t ifindex up conf addr naddr txq rx_packets tx_packets",
    "pktq": "n",
    "ip_state": "route",
    "route_table": "e n",
    "rt_entry": "dst len gw ifindex metric kind",
    "neigh_table": "class",
    "neigh": "link ifp ip4 mac state timer held",
    "ifaddr": "ip4 prefix_len arp_timer",
    "route": "dst src nexthop mtu ifindex local gateway",
    "list": "next",
    "heap": "root",
    "heap_node": "key order child next prev",
    "timers": "heap",
    "timer": "node kind",
    "pkt": "t buf data len nspan span",
    "pkt_span": "p len",
    "ring": "cap len",
    "ranges": "r n clock",
    "seq_range": "start end stamp",
    "sock_table": "chunk high",
    "sock": "u gen kind",
    "tcp_state": "listeners conns tw_chunk tw_head fw2_head nconn",
    "tcp_tuple": "laddr raddr lport rport",
    "tcp_ep": "tuple state kind",
    "tcp_hdr": "hdr_len wnd",
    "tcp_seg": "hdr tuple seq ack flags text text_len",
    "tcp_xmit": "rexmit",
    "tcp_passive": "tuple iss irs rcv_wnd snd_wnd peer_mss",
    "tcp_listener": "ep backlog naccept syns nsyn all",
    "tcp_syn_ent": "ep link timer p retries",
    "tcp_tw": "ep snd_nxt rcv_nxt expire_ms fifo_next",
    "tcp_conn": "ep snd_una snd_nxt snd_wnd snd_wl1 snd_wl2 snd_max rcv_nxt rcv_wnd flags act cc rtt iss irs snd_up rcv_up "
                "rcv_user min_rtt_us mss peer_mss snd_wscale rcv_wscale backoff err soft_err keep_ns fw2_ns timer all "
                "segs_in segs_out total_retrans",
    "tcp_act": "snd recs nrecs in_flight lost_bytes rcv ooo ooo_mem deadline_ns",
    "tcp_rec": "seq_link seq len sent_ns times flags",
    "tcp_rcvbuf": "npages_used",
    "tcp_cc": "ops cwnd ssthresh",
    "tcp_cc_ops": "name",
    "tcp_rtt": "srtt_us var4_us rto_us",
}
INNER = "drop reason len state from to seg seq ack flags wnd num a b conn listener ca_state recover timer_kind".split()  # of unnamed ones
ENUMS = {
    "tapir_tcp_state": "TAPIR_TCP_", "tapir_event_type": "TAPIR_EV_", "drop_reason": "DROP_", "tapir_stat": "STAT_",
    "tcp_ep_kind": "TCP_EP_", "tcp_flag": "TCP_F_", "tcp_rec_flag": "TCP_REC_", "tcp_deadline": "TCP_D_",
    "timer_kind": "TIMER_", "sock_kind": "SOCK_", "tapir_neigh_state": "TAPIR_NEIGH_",
}
WORDS = {  # enumerators that mean something here
    "tcp_ep_kind": "CONN LISTENER SYN TW",
    "tcp_flag": "FIN_RCVD URG_RCVD URG_SENT WS SYN_ACKED DETACHED",
    "tcp_rec_flag": "SACKED LOST",
    "timer_kind": "TCP_CONN TCP_SYN TCP_TW ARP",
    "tapir_event_type": "TCP_STATE TCP_SEG_IN TCP_SEG_OUT TCP_RETRANSMIT TCP_RTO PKT_DROP NEIGH_STATE",
    "sock_kind": "TCP LISTEN",
}
FUNCTIONS = ("emit emit_nobody tcp_init tcp_fini tcp_state_entered tcp_input tcp_xmit tcp_conn_timer tcp_syn_timer tcp_tw_timer "
             "pkt_drop tcp_conn_to_timewait tcp_conn_to_finwait2_record tcp_conn_passive tapir_socket tapir_listen "
             "tapir_connect tapir_accept tapir_send tapir_sendmsg tapir_send_commit tapir_recv tapir_recvmsg "
             "tapir_recv_consume tapir_shutdown tapir_close tapir_abort").split()


def missing():
    out = []
    for name, words in STRUCTS.items():
        try:
            have = a.fields(gdb.lookup_type("struct " + name))
        except gdb.error:
            out.append("struct " + name)
            continue
        out += ["struct %s.%s" % (name, w) for w in words.split() if w not in have]
    for name, prefix in ENUMS.items():
        try:
            have = a.enum(name).values()
        except gdb.GdbError:
            out.append("enum " + name)
            continue
        out += [prefix + w for w in WORDS.get(name, "").split() if prefix + w not in have]
    out += [f + "()" for f in FUNCTIONS if not (gdb.lookup_global_symbol(f) or gdb.lookup_static_symbol(f))]
    return out


def count():
    return len(STRUCTS) + len(ENUMS) + len(FUNCTIONS)
