/*
 * A capture file around any driver: what the inner driver read, and what it took for writing, with the
 * time of day in nanoseconds.
 *
 * The file must hold whole records only, at any moment, for someone may look at it while we run, and
 * we may be killed. stdio would write its buffer out wherever it is full; so its buffer is larger
 * than a record and is flushed by us, before a record that would not fit, and at the end of each batch:
 *
 *	   written to the file                     in the buffer
 *	| header | record | record | ... | record | record | record |      room >= next record
 *	                                 ^ good_len
 *
 * A disk that fails in the middle of a flush leaves a part of a record: the file is cut back to good_len, one
 * line says so, and the driver goes on without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/host.h"

enum {
	BUFFER = 1 << 20,
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	SNAPLEN = 262144,
};

struct pcapfile {
	struct driver d;
	struct driver *inner;
	char *path;
	FILE *f; /* owned by the dumper; NULL when the file has failed */
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	char *buffer;
	size_t buffered;   /* bytes of whole records in the buffer */
	off_t good_len;	   /* bytes of whole records in the file */
	uint8_t *gathered; /* a frame with its spans in a row */
};

static void give_up(struct pcapfile *w)
{
	int why = errno;
	struct stat st;

	fprintf(stderr, "%s: the capture ends here: %s: make room and start again\n", w->path,
		strerror(why));
	if (fstat(fileno(w->f), &st) == 0 && S_ISREG(st.st_mode) &&
	    ftruncate(fileno(w->f), w->good_len) != 0)
		fprintf(stderr, "%s: its last record is not whole\n", w->path);
	/*
	 * What is left in the buffer must not be written after all: closing would try. The descriptor
	 * is turned into one of /dev/null first, so that it does no harm.
	 */
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, fileno(w->f));
		close(null);
	}
	pcap_dump_close(w->dumper);
	w->dumper = NULL;
	w->f = NULL;
}

static void flush(struct pcapfile *w)
{
	if (!w->f || !w->buffered)
		return;
	if (fflush(w->f) != 0) {
		give_up(w);
		return;
	}
	w->good_len += (off_t)w->buffered;
	w->buffered = 0;
}

static void record(struct pcapfile *w, const struct pkt *p)
{
	struct timespec now = host_wall();
	uint32_t len = pkt_wire_len(p);
	const uint8_t *bytes = p->data;
	struct pcap_pkthdr h = {
		/* the microseconds hold nanoseconds: the file's header says so */
		.ts = {now.tv_sec, (suseconds_t)now.tv_nsec},
		.caplen = len,
		.len = len,
	};

	if (!w->f)
		return;
	if (w->buffered + RECORD_HEADER + len > BUFFER)
		flush(w);
	if (!w->f)
		return;
	if (p->nspan > 0) {
		if (driver_copy(p, w->gathered, SNAPLEN) == 0)
			return;
		bytes = w->gathered;
	}
	pcap_dump((u_char *)w->dumper, &h, bytes);
	w->buffered += RECORD_HEADER + len;
}

static int pcapfile_read(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
			 struct drv_error *err)
{
	struct pcapfile *w = (struct pcapfile *)d;
	int n = driver_read(w->inner, t, pkts, max, err);

	for (int i = 0; i < n; i++)
		record(w, pkts[i]);
	flush(w);
	return n;
}

static int pcapfile_write(struct driver *d, const struct pkt *const *pkts, int n,
			  struct drv_error *err)
{
	struct pcapfile *w = (struct pcapfile *)d;
	int done = driver_write(w->inner, pkts, n, err);

	for (int i = 0; i < done; i++)
		record(w, pkts[i]);
	flush(w);
	return done;
}

static int pcapfile_event(struct driver *d, struct drv_error *err)
{
	struct pcapfile *w = (struct pcapfile *)d;

	return w->inner->ops->event ? w->inner->ops->event(w->inner, err) : 0;
}

static void pcapfile_free(struct pcapfile *w)
{
	flush(w);
	if (w->dumper)
		pcap_dump_close(w->dumper);
	if (w->pcap)
		pcap_close(w->pcap);
	free(w->buffer);
	free(w->gathered);
	free(w->path);
	free(w);
}

static void pcapfile_close(struct driver *d)
{
	struct pcapfile *w = (struct pcapfile *)d;

	driver_close(w->inner);
	pcapfile_free(w);
}

static const struct driver_ops pcapfile_ops = {
	.read = pcapfile_read,
	.write = pcapfile_write,
	.event = pcapfile_event,
	.close = pcapfile_close,
};

/* Opens the file and writes its header. */
static int start_file(struct pcapfile *w, struct drv_error *err)
{
	int type = w->d.type == TAPIR_NETIF_ETHER ? DLT_EN10MB : DLT_RAW;
	struct stat st;
	FILE *f = fopen(w->path, "we");

	if (!f)
		return drv_fail(err, "%s: %s: give --pcap a file that can be written", w->path,
				strerror(errno));
	setvbuf(f, w->buffer, _IOFBF, BUFFER);
	/* a reader that goes away must not end us */
	if (fstat(fileno(f), &st) == 0 && !S_ISREG(st.st_mode))
		signal(SIGPIPE, SIG_IGN);
	w->pcap = pcap_open_dead_with_tstamp_precision(type, SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	w->dumper = w->pcap ? pcap_dump_fopen(w->pcap, f) : NULL;
	if (!w->dumper) {
		fclose(f);
		return drv_fail(err, "%s: libpcap can't begin the file: %s", w->path,
				w->pcap ? pcap_geterr(w->pcap) : "no memory");
	}
	if (fflush(f) != 0)
		return drv_fail(err, "%s: %s: give --pcap a file that can be written", w->path,
				strerror(errno));
	w->f = f;
	w->good_len = FILE_HEADER;
	return 0;
}

struct driver *pcapfile_wrap(struct driver *inner, const char *path, struct drv_error *err)
{
	struct pcapfile *w = (struct pcapfile *)driver_new(sizeof(*w), &pcapfile_ops, err);

	if (!w)
		return NULL;
	w->d = *inner;
	w->d.ops = &pcapfile_ops;
	w->path = strdup(path);
	w->buffer = malloc(BUFFER);
	w->gathered = malloc(SNAPLEN);
	if (!w->path || !w->buffer || !w->gathered)
		drv_fail(err, "%s: no memory for a capture: free some and try again", path);
	else if (start_file(w, err) == 0) {
		w->inner = inner;
		return &w->d;
	}
	pcapfile_free(w);
	return NULL;
}
